"""Rows of a SAS transport file, through pyreadstat, with every byte accounted for.

The format declares no encoding. Text is read as UTF-8 (which holds ASCII), else as WINDOWS-1252,
and each cell that was not UTF-8 is reported. Numbers keep 15 significant digits: what SAS
guarantees; the noise beyond them comes from the base-16 floats of the format.
Source: SAS TS-140; FDA Study Data Technical Conformance Guide (ASCII text).
"""

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pyreadstat

from portal.exchange.sdtm.reading.dataset import (
    Chunk,
    Dataset,
    ForeignCell,
    Format,
    NotXpt,
    Row,
    Truncated,
    Value,
    Variable,
    VariableType,
)
from portal.exchange.sdtm.reading.xpt_layout import Layout, opened, read_layout

FALLBACK_ENCODING = "WINDOWS-1252"
LAST_ENCODING = "ISO-8859-1"
NUL_BYTES = "NUL bytes"
NUL_SYMBOL = "\N{SYMBOL FOR NULL}"
_EVERY_BYTE = "LATIN1"  # maps each byte to one character, so that no byte is lost on the way


def describe_xpt(path: Path, relative_path: str, sha256: str) -> Dataset:
    """Return the dataset that a transport file holds.

    Raises: NotXpt, Truncated, NotPermittedToRead.
    """
    layout = read_layout(path)
    _check_single_member(path, layout)
    first = next(_chunks(path, layout, 1), Chunk(1, []))
    return Dataset(
        name=layout.name,
        domain=domain_of(layout.name, first.rows),
        label=_decode(layout.label)[0],
        path=path,
        relative_path=relative_path,
        format=Format.XPT,
        variables=tuple(
            Variable(
                name=column.name,
                label=_decode(column.label)[0],
                type=VariableType.NUMBER if column.is_number else VariableType.TEXT,
                length=column.length,
            )
            for column in layout.columns
        ),
        row_count=layout.row_count,
        sha256=sha256,
        study=str(first.rows[0].get("STUDYID") or "") if first.rows else "",
    )


def read_xpt(dataset: Dataset, chunk_size: int) -> Iterator[Chunk]:
    """Yield the rows in file order. Raises: Truncated, NotXpt, NotPermittedToRead."""
    yield from _chunks(dataset.path, read_layout(dataset.path), chunk_size)


def domain_of(name: str, rows: list[Row]) -> str:
    """Return the domain: the DOMAIN column where there is one, else the dataset's own name."""
    stated = str(rows[0].get("DOMAIN") or "").strip() if rows else ""
    return stated.upper() or name.upper()


def _check_single_member(path: Path, layout: Layout) -> None:
    if not layout.row_count:
        return
    with opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = content.find(b"HEADER RECORD*******MEMB", layout.data_offset)
        if found >= 0 and found % 80 == 0:
            raise NotXpt(path, "It holds more than one dataset; store one dataset in each file.")


def _chunks(path: Path, layout: Layout, size: int) -> Iterator[Chunk]:
    for start in range(0, layout.row_count, size):
        wanted = min(size, layout.row_count - start)
        columns = _read_columns(path, start, wanted)
        foreign: list[ForeignCell] = []
        for name, cells in columns.items():
            if len(cells) != wanted:
                raise Truncated(path, row=start + len(cells) + 1)
            columns[name] = _clean_column(name, cells, start, foreign)
        _restore_after_nul(path, layout, start, columns, foreign)
        names = tuple(columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        yield Chunk(start + 1, rows, sorted(foreign, key=lambda cell: cell.row))


def _read_columns(path: Path, start: int, count: int) -> dict[str, list[Any]]:
    try:
        columns, _meta = pyreadstat.read_xport(
            str(path),
            encoding=_EVERY_BYTE,
            row_offset=start,
            row_limit=count,
            output_format="dict",
            disable_datetime_conversion=True,
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        raise NotXpt(path, f"It cannot be read: {error}", row=start + 1) from None
    return {
        name.upper(): cells if isinstance(cells, list) else cells.tolist()
        for name, cells in columns.items()
    }


def _clean_column(
    name: str, cells: list[Any], start: int, foreign: list[ForeignCell]
) -> list[Value]:
    cleaned: list[Value] = []
    for index, cell in enumerate(cells):
        if type(cell) is str:
            if not cell.isascii():
                cell, read_as = _decode(cell.encode("latin-1"))
                if read_as:
                    foreign.append(ForeignCell(start + index + 1, name, read_as))
        elif cell is not None:
            cell = _number(cell)
        cleaned.append(cell)
    return cleaned


def _number(value: float) -> int | float | None:
    if math.isnan(value):
        return None
    whole = int(value)
    return whole if whole == value else float(f"{value:.15g}")


def _decode(raw: bytes) -> tuple[str, str]:
    """Return the text and, unless it was UTF-8, the encoding that it was read as."""
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode(FALLBACK_ENCODING), FALLBACK_ENCODING
    except UnicodeDecodeError:
        return raw.decode(LAST_ENCODING), LAST_ENCODING


def _restore_after_nul(
    path: Path,
    layout: Layout,
    start: int,
    columns: dict[str, list[Value]],
    foreign: list[ForeignCell],
) -> None:
    """Bring back the text that follows a NUL byte, where pyreadstat stops reading."""
    count = len(next(iter(columns.values())))
    with opened(path) as file:
        file.seek(layout.data_offset + start * layout.row_length)
        block = file.read(count * layout.row_length)
    for column in layout.columns:
        if column.is_number or column.name not in columns:
            continue
        for index in _rows_with_nul(block, layout.row_length, column.offset, column.length):
            at = index * layout.row_length + column.offset
            raw = block[at : at + column.length].rstrip(b" \0")
            if b"\0" in raw:
                text, _ = _decode(raw)
                columns[column.name][index] = text.replace("\0", NUL_SYMBOL)
                foreign.append(ForeignCell(start + index + 1, column.name, NUL_BYTES))


def _rows_with_nul(block: bytes, row_length: int, offset: int, length: int) -> list[int]:
    cells = memoryview(block).cast("B", (len(block) // row_length, row_length))
    part = numpy.asarray(cells)[:, offset : offset + length]
    return [int(index) for index in numpy.flatnonzero((part == 0).any(axis=1))]
