"""Rows of Dataset-JSON 1.1: one JSON object, or NDJSON, or NDJSON compressed by zlib (DSJC).

Source: CDISC Dataset-JSON 1.1, its NDJSON representation, and DSJC 1.1.
Units: sizes in bytes.
"""

import re
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from portal.exchange.sdtm.reading.dataset import (
    Chunk,
    Dataset,
    ForeignCell,
    Format,
    NotDatasetJson,
    Row,
    Truncated,
    Variable,
    VariableType,
)
from portal.exchange.sdtm.reading.xpt import NUL_BYTES, NUL_SYMBOL, domain_of
from portal.exchange.sdtm.reading.xpt_layout import opened

LARGEST_JSON = 256 << 20
LONGEST_LINE = 64 << 20
_BLOCK = 1 << 20
_ZLIB_OR_GZIP = 47  # the standard says zlib; CDISC's own example is gzip
_VERSION = re.compile(r"1\.1(\.\d+)?")
_NUMBERS = {"integer", "float", "double", "decimal"}
_TYPES = _NUMBERS | {"string", "boolean", "date", "datetime", "time", "URI"}


class _Column(msgspec.Struct, rename="camel"):
    name: str
    data_type: str
    label: str = ""
    length: int | None = None


class _Head(msgspec.Struct, rename={"version": "datasetJSONVersion", "study": "studyOID"}):
    version: str
    records: int
    name: str
    columns: list[_Column]
    label: str = ""
    study: str = ""
    rows: list[msgspec.Raw] = []


def is_dataset_json(path: Path) -> bool:
    """Whether a .json file claims to be Dataset-JSON. Raises: NotPermittedToRead."""
    with opened(path) as file:
        return b'"datasetJSONVersion"' in file.read(64 << 10)


def describe_dataset_json(path: Path, relative_path: str, sha256: str, form: Format) -> Dataset:
    """Return the dataset that a file holds.

    Raises: NotDatasetJson, Truncated, NotPermittedToRead.
    """
    head, records = _open(path, form)
    first = next(_chunks(path, head, records, 1), Chunk(1, []))
    return Dataset(
        name=head.name.upper(),
        domain=domain_of(head.name, first.rows),
        label=head.label,
        path=path,
        relative_path=relative_path,
        format=form,
        variables=tuple(
            Variable(
                name=column.name.upper(),
                label=column.label,
                type=VariableType.NUMBER if column.data_type in _NUMBERS else VariableType.TEXT,
                length=column.length or 0,
            )
            for column in head.columns
        ),
        row_count=head.records,
        sha256=sha256,
        study=str(first.rows[0].get("STUDYID") or head.study) if first.rows else head.study,
    )


def read_dataset_json(dataset: Dataset, chunk_size: int) -> Iterator[Chunk]:
    """Yield the rows in file order. Raises: NotDatasetJson, Truncated, NotPermittedToRead."""
    head, records = _open(dataset.path, dataset.format)
    seen = 0
    for chunk in _chunks(dataset.path, head, records, chunk_size):
        seen += len(chunk.rows)
        if seen > head.records:
            raise NotDatasetJson(
                dataset.path, f"It holds more rows than the {head.records} it states.", row=seen
            )
        yield chunk
    if seen < head.records:
        raise Truncated(
            dataset.path, f"It states {head.records} rows but holds {seen}.", row=seen + 1
        )


def _open(path: Path, form: Format) -> tuple[_Head, Iterator[bytes | msgspec.Raw]]:
    if form is Format.JSON:
        whole = _decode(path, _read_whole(path), _Head)
        return _checked(path, whole), iter(whole.rows)
    lines = _lines(path, compressed=form is Format.DSJC)
    head = _decode(path, next(lines, b""), _Head)
    # CDISC's own .dsjc example holds the one-object form: its rows stand in the first line.
    return _checked(path, head), chain(head.rows, lines)


def _read_whole(path: Path) -> bytes:
    with opened(path) as file:
        content = file.read(LARGEST_JSON + 1)
    if len(content) > LARGEST_JSON:
        raise NotDatasetJson(path, "It is larger than 256 MB; store it as .ndjson or .dsjc.")
    return content


def _decode(path: Path, content: Any, shape: Any, row: int | None = None) -> Any:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        ended = not content or "truncated" in str(error)
        raise (Truncated if ended else NotDatasetJson)(path, str(error), row=row) from None


def _checked(path: Path, head: _Head) -> _Head:
    names = [column.name.upper() for column in head.columns]
    unknown = sorted({column.data_type for column in head.columns} - _TYPES)
    if not _VERSION.fullmatch(head.version):
        raise NotDatasetJson(path, f"Version {head.version!r} is not 1.1.")
    if not names or len(set(names)) < len(names):
        raise NotDatasetJson(path, "It names a column twice, or none.")
    if unknown:
        raise NotDatasetJson(path, f"Unknown data type {unknown[0]!r}.")
    if not head.name or head.records < 0:
        raise NotDatasetJson(path, "It has no name or a negative number of records.")
    return head


def _lines(path: Path, *, compressed: bool) -> Iterator[bytes]:
    """Yield the lines that hold something, never more than one block beyond a line in memory."""
    pending = b""
    for block in _blocks(path, compressed=compressed):
        *lines, pending = (pending + block).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(pending) > LONGEST_LINE:
            raise NotDatasetJson(path, "A line is longer than 64 MB.")
    if pending.strip():
        yield pending


def _blocks(path: Path, *, compressed: bool) -> Iterator[bytes]:
    with opened(path) as file:
        if not compressed:
            while block := file.read(_BLOCK):
                yield block
            return
        stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        try:
            while not stream.eof and (block := stream.unconsumed_tail or file.read(_BLOCK)):
                yield stream.decompress(block, _BLOCK)
        except zlib.error:
            raise NotDatasetJson(path, "It is not compressed by zlib, or is damaged.") from None
        if not stream.eof:
            raise Truncated(path, "The compressed data end too early; copy the file again.")


def _chunks(
    path: Path, head: _Head, records: Iterator[bytes | msgspec.Raw], size: int
) -> Iterator[Chunk]:
    names = [column.name.upper() for column in head.columns]
    first = 1
    while batch := list(islice(records, size)):
        foreign: list[ForeignCell] = []
        rows = [
            _row(path, names, record, first + index, foreign) for index, record in enumerate(batch)
        ]
        yield Chunk(first, rows, foreign)
        first += len(rows)


def _row(
    path: Path,
    names: list[str],
    record: bytes | msgspec.Raw,
    number: int,
    foreign: list[ForeignCell],
) -> Row:
    values = _decode(
        path, record, list[str | int | float | bool | None] | dict[str, Any], row=number
    )
    if isinstance(values, dict):
        values = [values.get(name, values.get(name.lower())) for name in names]
    if len(values) != len(names):
        raise NotDatasetJson(
            path, f"It has {len(values)} values for {len(names)} columns.", row=number
        )
    row = dict(zip(names, values, strict=True))
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            row[name] = value.replace("\0", NUL_SYMBOL)
            foreign.append(ForeignCell(number, name, NUL_BYTES))
    return row
