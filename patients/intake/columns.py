"""The parameters of a batch: one array a column, in the form that costs both sides least.

Ids and short texts go as the text of an array literal, made with `join`: a tenth of the cost of
binding values one by one. Instants and bytes go binary: reading them as text costs PostgreSQL more
than looking a row up.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# PostgreSQL's array: dimensions, whether one is NULL, the type, the length, the first index.
_HEAD = Struct(">iiIii").pack
_LENGTH = Struct(">i").pack
_INSTANT = Struct(">iq").pack
_NULL = _LENGTH(-1)


class Instants:
    """A column of instants, or None."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[datetime | None]) -> None:
        self.values = values

    def text(self) -> str:
        """Return the text of the array literal."""
        return _joined("NULL" if at is None else at.isoformat() for at in self.values)


class Binaries:
    """A column of bytes."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[bytes]) -> None:
        self.values = values

    def text(self) -> str:
        """Return the text of the array literal."""
        return _joined(f'"\\\\x{value.hex()}"' for value in self.values)


class _InstantsDumper(Dumper):
    format = Format.BINARY
    oid = 1185  # timestamptz[]

    def dump(self, obj: Instants) -> bytes:
        elements = [_NULL if at is None else _instant(at) for at in obj.values]
        return _HEAD(1, 1, 1184, len(elements), 1) + b"".join(elements)


class _BinariesDumper(Dumper):
    format = Format.BINARY
    oid = 1001  # bytea[]

    def dump(self, obj: Binaries) -> bytes:
        parts = [_HEAD(1, 0, 17, len(obj.values), 1)]
        for value in obj.values:
            parts += (_LENGTH(len(value)), value)
        return b"".join(parts)


def _instant(at: datetime) -> bytes:
    since = at - _EPOCH
    return _INSTANT(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def adapt(adapters: AdaptersMap) -> None:
    """Teach a connection these columns."""
    adapters.register_dumper(Instants, _InstantsDumper)
    adapters.register_dumper(Binaries, _BinariesDumper)


_KINDS: dict[str, Any] = {"timestamptz": Instants, "bytea": Binaries}


def parameters(rows: Sequence[Sequence[Any]], columns: Sequence[tuple[str, str]]) -> list[Any]:
    """Return a parameter for each of `columns` (name, type) from rows of their values.

    Instants are datetimes or None, bytes are bytes; all else is text of array elements.
    """
    if not rows:
        return [_KINDS.get(kind, _joined)(()) for _, kind in columns]
    values = zip(*rows, strict=True)
    return [
        _KINDS.get(kind, _joined)(column) for (_, kind), column in zip(columns, values, strict=True)
    ]


def as_text(values: Iterable[Any]) -> list[Any]:
    """Return parameters for a connection that writes them into the statement itself."""
    return [value.text() if isinstance(value, Instants | Binaries) else value for value in values]


def _joined(elements: Iterable[str]) -> str:
    return "{" + ",".join(elements) + "}"


def unnest(columns: tuple[tuple[str, str], ...], *, name: str) -> str:
    """Return the rows of `columns` (name, type) in a FROM, and `arrival`, their order."""
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    names = ", ".join([*(column for column, _ in columns), "arrival"])
    return f"unnest({arrays}) WITH ORDINALITY AS {name} ({names})"


def given(columns: tuple[tuple[str, str], ...], *, name: str) -> str:
    """Return the CTE of these rows."""
    return f"{name} AS MATERIALIZED (SELECT * FROM {unnest(columns, name='t')})"  # noqa: S608 - constants
