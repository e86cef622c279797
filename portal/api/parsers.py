"""JSON in, guarded: what a body may be is decided before any field sees it."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from portal.api.errors import MalformedBody

MOST_DEPTH = 64
MOST_MEMBERS = 50_000
MOST_DIGITS = 40
MOST_EXPONENT = 300
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class GuardedJSONParser(BaseParser):
    """Reads RFC 8259 JSON in UTF-8, with every number a whole number or a Decimal.

    Refuses what other readers of the same bytes could understand otherwise: duplicate keys, NaN and
    Infinity, NUL, lone surrogates, numbers beyond any measurement, and anything deep or vast.
    Raises: MalformedBody, UnsupportedMediaType.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what the body says."""
        request = (parser_context or {})["request"]
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
        if encoding.strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType(f"{media_type}; {encoding}")
        return loads(_read(stream, request.META.get("CONTENT_LENGTH")))


def loads(body: bytes) -> Any:
    """Return what guarded JSON says. Raises: MalformedBody."""
    _check_shape(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_decimal,
            parse_int=_whole,
        )
    except (ValueError, RecursionError):
        raise MalformedBody("malformed_json", _("The body is not JSON in UTF-8.")) from None
    # NUL and surrogates come in by an escape only: raw they are not JSON and not UTF-8.
    if b"\\u" in body:
        _check_characters(value)
    return value


def _read(stream: IO[bytes], declared: Any) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if str(declared or "").isdecimal() and int(declared) > limit:
        _refuse_size()
    body = stream.read(limit + 1)
    if len(body) > limit:
        _refuse_size()
    return body


def _refuse_size() -> NoReturn:
    raise MalformedBody("too_large", _("The body is larger than the portal reads."), 413)


def _check_shape(body: bytes) -> None:
    """Refuse depth and vastness before any object is built."""
    outside = _STRINGS.sub(b"", body)
    if outside.count(b",") >= MOST_MEMBERS:
        raise MalformedBody("too_many_members", _("The body has too many members."), 413)
    depth = 0
    for match in _BRACKETS.finditer(outside):
        depth += 1 if match[0] in b"[{" else -1
        if depth > MOST_DEPTH:
            raise MalformedBody("too_deep", _("The body is nested too deeply."))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise MalformedBody("duplicate_key", _("An object names one member twice."))
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody("not_a_number", _("NaN and Infinity are not numbers of JSON."))


def _refuse_number() -> NoReturn:
    raise MalformedBody("number_out_of_range", _("A number is too large or too long."))


def _decimal(text: str) -> Decimal:
    exponent = re.split("[eE]", text)[1:]
    if len(text) > MOST_DIGITS * 2 or (exponent and len(exponent[0].lstrip("+-0")) > 3):
        _refuse_number()
    value = Decimal(text)
    if len(value.as_tuple().digits) > MOST_DIGITS or abs(value.adjusted()) > MOST_EXPONENT:
        _refuse_number()
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        _refuse_number()
    return int(text)


def _check_characters(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise MalformedBody("nul_character", _("Text may not contain the NUL character."))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody(
            "lone_surrogate", _("Text contains half of a surrogate pair.")
        ) from None
