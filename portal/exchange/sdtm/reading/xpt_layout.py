"""The frame of a SAS transport file: what its headers promise, held against the file's size.

pyreadstat reads a file that was cut off without a word, so the frame is checked before it.
A cut exactly between two rows cannot be seen: the format holds no row count.
Source: SAS TS-140 "Record Layout of a SAS Version 5 or 6 Data Set in SAS Transport Format", and
its successor for versions 8 and 9.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from portal.exchange.sdtm.reading.dataset import NotPermittedToRead, NotXpt, Truncated

CARD = 80
_LIBRARY = (
    b"HEADER RECORD*******LIBRARY HEADER RECORD",
    b"HEADER RECORD*******LIBV8   HEADER RECORD",
)
_MEMBER = (
    b"HEADER RECORD*******MEMBER  HEADER RECORD",
    b"HEADER RECORD*******MEMBV8  HEADER RECORD",
)
_NAMESTR = (
    b"HEADER RECORD*******NAMESTR HEADER RECORD",
    b"HEADER RECORD*******NAMSTV8 HEADER RECORD",
)
_LABELS = b"HEADER RECORD*******LABELV"
_OBSERVATIONS = (
    b"HEADER RECORD*******OBS     HEADER RECORD",
    b"HEADER RECORD*******OBSV8   HEADER RECORD",
)
_VARIABLE = struct.Struct(">hhhh8s40s8shhh2s8shhl")
_LONG_NAME = slice(88, 120)


@dataclass(frozen=True, slots=True)
class Column:
    """One variable as the header describes it; `offset` and `length` in bytes within a row."""

    name: str
    label: bytes
    is_number: bool
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows lie. Units: bytes."""

    name: str
    label: bytes
    columns: tuple[Column, ...]
    data_offset: int
    row_length: int
    row_count: int


def read_layout(path: Path) -> Layout:
    """Read the headers and count the rows.

    Raises: NotXpt, Truncated, NotPermittedToRead.
    """
    with opened(path) as file:
        header = _Header(file, path)
        name, label, namestr_length = header.member()
        columns = header.columns(namestr_length)
        header.skip_labels()
        header.expect(_OBSERVATIONS)
        row_length = sum(column.length for column in columns)
        if row_length <= 0 or len({column.name for column in columns}) < len(columns):
            raise NotXpt(path, "The header names a variable twice or gives it no room.")
        data_offset = file.tell()
        row_count = _count_rows(file, path, data_offset, row_length)
    return Layout(name, label, columns, data_offset, row_length, row_count)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file of the source. Raises: NotPermittedToRead."""
    try:
        with path.open("rb") as file:
            yield file
    except (PermissionError, IsADirectoryError):
        raise NotPermittedToRead(path) from None


class _Header:
    def __init__(self, file: BufferedReader, path: Path) -> None:
        self.file, self.path = file, path

    def card(self) -> bytes:
        card = self.file.read(CARD)
        if len(card) < CARD:
            raise Truncated(self.path, "The file ends inside its headers; copy it again.")
        return card

    def expect(self, heads: tuple[bytes, ...]) -> bytes:
        card = self.card()
        if not card.startswith(heads):
            raise NotXpt(self.path, "The headers are not those of a SAS transport file.")
        return card

    def member(self) -> tuple[str, bytes, int]:
        first = self.file.read(CARD)
        if not first.startswith(_LIBRARY):
            raise NotXpt(self.path)
        if len(first) < CARD:
            raise Truncated(self.path, "The file ends inside its headers; copy it again.")
        self.card()
        self.card()
        head = self.expect(_MEMBER)
        try:
            namestr_length = int(head[74:78])
        except ValueError:
            raise NotXpt(self.path, "The member header is damaged.") from None
        self.card()
        name_card, label_card = self.card(), self.card()
        long_name = head.startswith(_MEMBER[1])
        name = name_card[8:40] if long_name else name_card[8:16]
        return _text(name), label_card[32:72].rstrip(), namestr_length

    def columns(self, namestr_length: int) -> tuple[Column, ...]:
        head = self.expect(_NAMESTR)
        try:
            count = int(head[54:60] if head.startswith(_NAMESTR[1]) else head[54:58])
        except ValueError:
            raise NotXpt(self.path, "The variable count in the header is damaged.") from None
        wanted = -(-count * namestr_length // CARD) * CARD
        block = self.file.read(wanted)
        if len(block) < wanted:
            raise Truncated(self.path, "The file ends inside its headers; copy it again.")
        if namestr_length < _VARIABLE.size or not count:
            raise NotXpt(self.path, "The header describes no variables.")
        long_names = head.startswith(_NAMESTR[1])
        return tuple(
            _column(block[start : start + namestr_length], long_names)
            for start in range(0, count * namestr_length, namestr_length)
        )

    def skip_labels(self) -> None:
        """Step over the long labels of version 8, which pyreadstat reads."""
        card = self.card()
        if card.startswith(_LABELS):
            while not card.startswith(_OBSERVATIONS):
                card = self.card()
        self.file.seek(-CARD, 1)


def _column(namestr: bytes, long_names: bool) -> Column:
    kind, _hash, length, _number, name, label, *_formats, offset = _VARIABLE.unpack_from(namestr)
    if long_names:
        name = namestr[_LONG_NAME].split(b"\0")[0].strip() or name
    return Column(_text(name), label.rstrip(b" \0"), kind == 1, offset, length)


def _text(raw: bytes) -> str:
    return raw.rstrip(b" \0").decode("ascii", "replace").upper()


def _count_rows(file: BufferedReader, path: Path, data_offset: int, row_length: int) -> int:
    """Return the number of rows; the last card is filled up with blanks.

    A row of blanks at the end cannot be told from that filling and is not counted: every row of a
    CDISC dataset names its study.
    """
    size = file.seek(0, 2) - data_offset
    if size % CARD:
        row = size // row_length + 1
        raise Truncated(path, "The file is not made of whole 80-byte records.", row=row)
    rows, rest = divmod(size, row_length)
    file.seek(data_offset + rows * row_length)
    if rest >= CARD or file.read(rest).strip(b" "):
        raise Truncated(path, row=rows + 1)
    while rows:
        file.seek(data_offset + (rows - 1) * row_length)
        if file.read(row_length).strip(b" "):
            break
        rows -= 1
    return rows
