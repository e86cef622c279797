"""Whether two bodies say the same: a repeat gets the first answer, another content is refused."""

from decimal import Decimal
from typing import Any

from portal.api.errors import MalformedBody
from portal.api.parsers import loads


def is_same(first: bytes, second: bytes) -> bool:
    """Whether two bodies are equal after parsing: order of members, blanks and 1 or 1.0 aside."""
    try:
        return _plain(loads(first)) == _plain(loads(second))
    except MalformedBody:
        return False


def _plain(value: Any) -> Any:
    """Return a value that compares as JSON does: true is not 1."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, bool) or value is None:
        return ("word", str(value))
    return Decimal(value) if isinstance(value, int) else value
