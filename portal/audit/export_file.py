"""The file of an exported trail: lines, then one that says how many there are and their digest.

A file without that last line was cut off on the way; one with another digest was changed.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

from portal.core.spreadsheets import cell

_PART = 64 * 1024
END = "end"


class Form(StrEnum):
    """How the lines are written."""

    NDJSON = "ndjson"
    CSV = "csv"


class CutOff(ValueError):
    """The file has no last line: it is not whole."""


class Altered(ValueError):
    """The lines of the file are not those that its last line speaks of."""


class Sealer:
    """Writes lines in one form and counts and digests what it wrote."""

    def __init__(self, form: Form, columns: Sequence[str]) -> None:
        self.form, self.columns = form, columns
        self.rows = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of all lines so far."""
        return self._digest.hexdigest()

    def parts(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the file in parts of some 64 KiB; the last line comes after the last row."""
        part = bytearray(self._head())
        self._digest.update(part)
        for line in lines:
            written = self._line(line)
            self._digest.update(written)
            self.rows += 1
            part += written
            if len(part) >= _PART:
                yield bytes(part)
                part.clear()
        part += self._last()
        yield bytes(part)

    def _head(self) -> bytes:
        return _csv(self.columns) if self.form is Form.CSV else b""

    def _line(self, line: Mapping[str, Any]) -> bytes:
        if self.form is Form.NDJSON:
            return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z) + b"\n"
        return _csv([_text(line.get(name)) for name in self.columns])

    def _last(self) -> bytes:
        if self.form is Form.NDJSON:
            return orjson.dumps({END: True, "rows": self.rows, "sha256": self.sha256}) + b"\n"
        return _csv([END, str(self.rows), self.sha256])


def check_file(lines: Iterable[bytes]) -> int:
    """Return how many rows a file has, if it is whole. Raises: CutOff, Altered."""
    digest = hashlib.sha256()
    before: bytes | None = None
    for line in lines:
        if before is not None:
            digest.update(before)
        before = line
    rows, stated = _end(before or b"")
    if stated != digest.hexdigest():
        raise Altered()
    return rows


def _end(line: bytes) -> tuple[int, str]:
    if not line.endswith(b"\n"):
        raise CutOff()
    try:
        if line.startswith(b"{"):
            told = json.loads(line)
            return int(told["rows"]) if told[END] is True else 0, str(told["sha256"])
        mark, rows, stated = next(csv.reader([line.decode()]))
    except (ValueError, KeyError, StopIteration):
        raise CutOff() from None
    if mark != END:
        raise CutOff()
    return int(rows), stated


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z).decode().strip('"')


def _csv(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")
