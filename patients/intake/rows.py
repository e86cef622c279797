"""The rows of a batch as one parameter: an array of a composite type, in PostgreSQL's binary form.

The database reads it by one function, a tuple a row. An array for each column costs it a function
and a store of tuples for each of them, and reading ids and instants from text costs it more than
finding a row. What is the same in many uploads is encoded once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any, NamedTuple

from psycopg import AsyncConnection, Connection, pq
from psycopg.adapt import Dumper
from psycopg.types import TypeInfo

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# PostgreSQL's array: dimensions, whether one is NULL, the type, the length, the first index; then
# each row: its length, the number of its fields; then each field: its type, its length.
_ARRAY = Struct(">iiIii").pack
_ROW = Struct(">ii").pack
_FIELD = Struct(">Ii").pack
_BOOL, _BYTEA, _BIGINT, _SMALLINT, _TEXT = 16, 17, 20, 21, 25
_TIMESTAMPTZ, _UUID, _JSONB = 1184, 2950, 3802
_LONG, _SHORT = Struct(">Iiq").pack, Struct(">Iih").pack
_ID, _NO_ID = _FIELD(_UUID, 16), _FIELD(_UUID, -1)
ID_LENGTH = len(_ID) + 16
_TRUE, _FALSE = _FIELD(_BOOL, 1) + b"\1", _FIELD(_BOOL, 1) + b"\0"
_NO_NUMBER = _FIELD(_BIGINT, -1)
NO_INSTANT = _FIELD(_TIMESTAMPTZ, -1)


class RowType(NamedTuple):
    """A composite type of the database's: its name, and (name, type) of each of its columns."""

    name: str
    columns: tuple[tuple[str, str], ...]


class Rows:
    """Rows of a type, each as its fields one after the other."""

    __slots__ = ("rows", "type")

    def __init__(self, row_type: RowType, rows: Sequence[bytes]) -> None:
        self.type = row_type
        self.rows = rows


class _RowsDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Rows) -> bytes:
        assert self.connection is not None
        count = len(obj.type.columns)
        parts: list[bytes] = []
        for row in obj.rows:
            parts += (_ROW(len(row) + 4, count), row)
        oid = self.connection.adapters.types.get_oid(obj.type.name)
        return _ARRAY(1, 0, oid, len(obj.rows), 1) + b"".join(parts)


# --- fields ---------------------------------------------------------------------------------------


def uuid(value: str | None) -> bytes:
    """Return the field of an id in its text form. Raises: ValueError."""
    return _ID + bytes.fromhex(value.replace("-", "")) if value else _NO_ID


def text(value: str) -> bytes:
    """Return the field of a text."""
    encoded = value.encode()
    return _FIELD(_TEXT, len(encoded)) + encoded


def instant(at: datetime) -> bytes:
    """Return the field of an instant."""
    since = at - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return _LONG(_TIMESTAMPTZ, 8, microseconds)


def binary(value: bytes) -> bytes:
    """Return the field of bytes."""
    return _FIELD(_BYTEA, len(value)) + value


def truth(value: bool) -> bytes:
    """Return the field of a truth."""
    return _TRUE if value else _FALSE


def number(value: int | None) -> bytes:
    """Return the field of a whole number of 64 bits."""
    return _NO_NUMBER if value is None else _LONG(_BIGINT, 8, value)


def small(value: int) -> bytes:
    """Return the field of a whole number of 16 bits."""
    return _SHORT(_SMALLINT, 2, value)


def json(value: str) -> bytes:
    """Return the field of a JSON text."""
    encoded = value.encode()
    return _FIELD(_JSONB, len(encoded) + 1) + b"\1" + encoded


_FIELDS: Mapping[str, Callable[[Any], bytes]] = {
    "bool": truth,
    "bytea": binary,
    "bigint": number,
    "smallint": small,
    "text": text,
    "timestamptz": instant,
    "uuid": uuid,
    "jsonb": json,
}


def rows_of(row_type: RowType, values: Iterable[Sequence[Any]]) -> Rows:
    """Return rows of plain values, in the order of the type's columns."""
    fields = [_FIELDS[kind] for _, kind in row_type.columns]
    return Rows(
        row_type,
        [b"".join(f(value) for f, value in zip(fields, row, strict=True)) for row in values],
    )


# --- what a connection has to know ----------------------------------------------------------------

# Names, and the numbers that the database at hand gave the types.
NUMBERS = """SELECT name, name::regtype::oid, (name || '[]')::regtype::oid
    FROM unnest(%s::text[]) AS name"""


def teach(
    connection: "Connection[Any] | AsyncConnection[Any]", numbers: Iterable[tuple[str, int, int]]
) -> None:
    """Teach a connection the types of rows, with what it answered to `NUMBERS`."""
    for name, oid, array_oid in numbers:
        TypeInfo(name, oid, array_oid).register(connection)
    connection.adapters.register_dumper(Rows, _RowsDumper)


# --- in a statement -------------------------------------------------------------------------------


def unnest(row_type: RowType, *, name: str, arrival: bool = False) -> str:
    """Return rows of a type in a FROM; with `arrival`, their order is a column more."""
    names = ", ".join(column for column, _ in row_type.columns)
    if arrival:
        return f"unnest(%s::{row_type.name}[]) WITH ORDINALITY AS {name} ({names}, arrival)"
    return f"unnest(%s::{row_type.name}[]) AS {name} ({names})"


def given(row_type: RowType, *, name: str) -> str:
    """Return the CTE of these rows, and of their order, `arrival`."""
    rows = unnest(row_type, name="t", arrival=True)
    return f"{name} AS MATERIALIZED (SELECT * FROM {rows})"  # noqa: S608 - constants
