"""Write a hundred thousand rows while the files are still being read.

Rows become lines of COPY at once: the constant columns of a table are formatted once, not per row.
A second thread sends full buffers, so that PostgreSQL works while Python reads on. COPY fires the
same triggers as INSERT: placement, history and constraints hold for every row.
"""

import random
import re
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import orjson
from django.db import connection, models
from psycopg import sql

from patients.models import Patient, SourceRecord
from portal.access.unblinded import unblinded
from portal.core.models import SCHEMA_OF
from portal.core.partial_dates import PartialDateTime

ROWS_IN_MEMORY = 8_000
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

# A patient names the source record of DM, and that record names the patient: one must wait.
_CIRCLE = """
    SELECT conname FROM pg_constraint
    WHERE contype = 'f' AND conrelid = %s::regclass AND confrelid = %s::regclass
"""

OnCut = Callable[[type[models.Model], UUID, str, int], None]


def _text(value: str) -> str:
    return _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found.group()]


def _json(value: Any) -> str:
    return _text(orjson.dumps(value).decode())


class Ready(str):
    """A value that is formatted already, because many rows repeat it."""

    __slots__ = ()


_FORMAT: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "\\N",
    str: _text,
    Ready: lambda value: value,
    bool: lambda value: "t" if value else "f",
    int: str,
    UUID: str,
    Decimal: lambda value: format(value, "f"),
    datetime: datetime.isoformat,
    dict: _json,
    list: _json,
    PartialDateTime: lambda value: value.stored,
}


def _constant(value: Any) -> str:
    """Defaults may be members of a codelist, which are strings."""
    return _text(str(value)) if isinstance(value, str) else _FORMAT[type(value)](value)


class RowIds:
    """UUIDv7 keys that grow with every row, so that keys keep the order of the file.

    Source: RFC 9562 6.2 method 2: one timestamp, the random part raised by a random step.
    """

    def __init__(self, at: datetime) -> None:
        self.timestamp = (int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF) << 80
        self.random = secrets.randbits(73)

    def next(self) -> UUID:
        """Return the next key."""
        self.random += 1 + random.getrandbits(24)
        high, low = self.random >> 62, self.random & 0x3FFF_FFFF_FFFF_FFFF
        return UUID(int=self.timestamp | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low)


class Table:
    """One model's rows on their way into the database: some columns vary, the rest are constant."""

    def __init__(
        self,
        model: type[models.Model],
        varying: tuple[str, ...],
        constant: Mapping[str, Any],
        writer: "Writer",
    ) -> None:
        fields: dict[str, Any] = {
            field.attname: field
            for field in model._meta.concrete_fields
            if not isinstance(field, models.GeneratedField) and not field.has_db_default()
        }
        self.model, self.varying, self.writer = model, ("id", *varying), writer
        rest = {name: field for name, field in fields.items() if name not in self.varying}
        columns = [fields[name].column for name in self.varying]
        self.statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(model._meta.db_table),
            sql.SQL(", ").join(
                map(sql.Identifier, [*columns, *(field.column for field in rest.values())])
            ),
        )
        values = [constant.get(name, field.get_default()) for name, field in rest.items()]
        self.tail = "".join("\t" + _constant(value) for value in values) + "\n"
        self.limits = [
            (index, fields[name].max_length, name)
            for index, name in enumerate(self.varying)
            if isinstance(fields[name], models.CharField)
        ]
        self.lines: list[str] = []
        self.count = 0

    @property
    def is_protected(self) -> bool:
        """Whether the table lives in the protected schema."""
        return SCHEMA_OF.get(self.model._meta.label) == "allocation"

    def add(self, *values: Any, key: UUID | None = None) -> UUID:
        """Take one row: the values of the varying columns, in their order. Returns its key."""
        key = key or self.writer.ids.next()
        row: list[Any] = [key, *values]
        for index, limit, name in self.limits:
            value = row[index]
            if value is not None and len(value) > limit:
                row[index] = value[:limit]
                self.writer.on_cut(self.model, key, name, limit)
        self.lines.append("\t".join([_FORMAT[type(value)](value) for value in row]) + self.tail)
        self.count += 1
        self.writer.waiting += 1
        return key


class Writer:
    """The tables of one import, flushed in the order in which they were first asked for.

    That order must be one in which no row refers to a later table: keys are checked at once, beside
    the reading, instead of all together at the end.
    """

    def __init__(self, *, clinical: Mapping[str, Any], ids: RowIds, on_cut: OnCut) -> None:
        self.tables: dict[type[models.Model], Table] = {}
        self.clinical, self.ids, self.on_cut = clinical, ids, on_cut
        self.waiting = 0
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.sending: Future[None] | None = None

    def __enter__(self) -> Self:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(_CIRCLE, [Patient._meta.db_table, SourceRecord._meta.db_table])
            for (name,) in cursor.fetchall():
                cursor.execute(sql.SQL("SET CONSTRAINTS {} DEFERRED").format(sql.Identifier(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The thread must have left the connection before anybody rolls back.
        self.thread.shutdown(wait=True)

    def table(self, model: type[models.Model], *varying: str, **constant: Any) -> Table:
        """Return the table of a model; the columns are those named on its first call."""
        if model not in self.tables:
            names = {field.attname for field in model._meta.concrete_fields}
            shared = {name: value for name, value in self.clinical.items() if name in names}
            self.tables[model] = Table(model, varying, shared | constant, self)
        return self.tables[model]

    def breathe(self) -> None:
        """Send what waits when it is much; called where no row waits for one still to come."""
        if self.waiting >= ROWS_IN_MEMORY:
            self.send()

    def send(self) -> None:
        """Hand everything that waits to the sending thread; wait for what it still had."""
        self.settle()
        batches = []
        for table in self.tables.values():
            if table.lines:
                batches.append((table.is_protected, table.statement, "".join(table.lines)))
                table.lines = []
        self.waiting = 0
        raw = connection.connection
        self.sending = self.thread.submit(_copy, raw, [b[1:] for b in batches if not b[0]])
        protected = [batch[1:] for batch in batches if batch[0]]
        if protected:
            self.settle()
            with unblinded():
                _copy(raw, protected)

    def settle(self) -> None:
        """Wait until the sending thread is done. Raises what the database said to it."""
        if self.sending is not None:
            sending, self.sending = self.sending, None
            with connection.wrap_database_errors:
                sending.result()

    def flush(self) -> None:
        """Send everything, wait for it, and check the keys that had to wait."""
        self.send()
        self.settle()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def counts(self, *, with_protected: bool) -> dict[str, int]:
        """Return how many rows each model received, in the words of people."""
        return {
            str(model._meta.verbose_name_plural): table.count
            for model, table in self.tables.items()
            if table.count and (with_protected or not table.is_protected)
        }


def _copy(raw: Any, batches: list[Any]) -> None:
    with raw.cursor() as cursor:
        for statement, lines in batches:
            with cursor.copy(statement) as copy:
                copy.write(lines)
