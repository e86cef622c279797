"""Write many rows with one statement whose text never changes and whose one parameter is JSON.

COPY binds every column of every row in Python; here PostgreSQL reads a JSON array, and columns that
nobody names take their default as a constant of the statement. Triggers, constraints and history
are as for any insert.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from django.db import connection, models
from psycopg import sql

from portal.core.transactions import require_transaction

_encode = msgspec.json.Encoder(decimal_format="number").encode


def insert_rows(
    model: type[models.Model],
    columns: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
    returning: tuple[str, ...] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`, mappings by column name, and return `returning` of those that were written.

    `on_conflict` is the clause as SQL, such as `ON CONFLICT DO NOTHING`; it is a constant of the
    calling module, never an input. Raises: NoTransaction, IntegrityError.
    """
    if not rows:
        return []
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, columns, on_conflict, returning), [_encode(rows).decode()])
        return list(cursor.fetchall()) if returning else []


@cache
def _statement(
    model: type[models.Model],
    columns: tuple[str, ...],
    on_conflict: str,
    returning: tuple[str, ...],
) -> str:
    fields = {
        str(field.column): field
        for field in model._meta.concrete_fields
        if not isinstance(field, models.GeneratedField)
    }
    unknown = set(columns) - fields.keys()
    if unknown:
        raise TypeError(f"not columns of the table: {', '.join(sorted(unknown))}")
    constants = {
        name: _default(field)
        for name, field in fields.items()
        if name not in columns and not field.has_db_default()
    }
    names = [*columns, *constants]
    typed = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_type_of(fields[name])))
        for name in columns
    ]
    text = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM json_to_recordset(").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(
            [*(sql.SQL("r.{}").format(sql.Identifier(n)) for n in columns), *constants.values()]
        ),
    )
    tail = sql.SQL("::json) AS r({}) {} {}").format(
        sql.SQL(", ").join(typed),
        sql.SQL(on_conflict),
        sql.SQL("RETURNING {}").format(sql.SQL(", ").join(map(sql.Identifier, returning)))
        if returning
        else sql.SQL(""),
    )
    # A literal percent sign in a default would be read as a placeholder.
    return text.as_string(None).replace("%", "%%") + "%s" + tail.as_string(None).replace("%", "%%")


def _default(field: Any) -> sql.Composable:
    if field.primary_key or not (field.has_default() or field.null or field.empty_strings_allowed):
        raise TypeError(f"{field.column} has no default")
    value = field.get_default()
    if value is None:
        return sql.SQL("NULL")
    prepared = field.get_db_prep_save(value, connection)
    literal = sql.Literal(getattr(prepared, "obj", prepared) if not _is_json(field) else None)
    if _is_json(field):
        literal = sql.Literal(msgspec.json.encode(value).decode())
    return sql.SQL("{}::{}").format(literal, sql.SQL(_type_of(field)))


def _is_json(field: Any) -> bool:
    return isinstance(field, models.JSONField)


def _type_of(field: Any) -> str:
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    # varchar(n) would cut what is too long without a word; as text the column refuses it.
    kind = str(field.db_type(connection))
    if kind.startswith("varchar"):
        return "text"
    return "integer" if kind in ("serial", "bigserial") else kind
