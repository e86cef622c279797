"""What a batch says arrives in the database as it was put in, and the types are the statements'."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from patients.intake.lines import connection_options
from patients.intake.rows import NUMBERS, Rows, RowType, rows_of, teach, unnest
from patients.intake.writing import TYPES
from portal.outbox.kinds import Lane

pytestmark = pytest.mark.django_db(transaction=True)
OF_DEVICES = next(row_type for row_type in TYPES if row_type.name == "sent_device_reading")
INSTANTS = st.datetimes(
    min_value=datetime(1880, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda off: timezone(timedelta(minutes=off))),
)
IDS = st.uuids().map(str)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
READINGS = st.tuples(
    IDS,
    st.integers(0, 499),
    TEXTS,
    st.booleans(),
    INSTANTS,
    st.none() | IDS,
    st.binary(max_size=50),
    st.binary(max_size=50),
)


@pytest.fixture
def line() -> Iterator[psycopg.Connection[Any]]:
    """Return a connection as intake makes it."""
    with psycopg.connect(autocommit=True, **connection_options(Lane.ORDINARY)) as made:
        teach(made, made.execute(NUMBERS, [[one.name for one in TYPES]]).fetchall())
        yield made


def _read(line: psycopg.Connection[Any], sent: Rows) -> list[tuple[Any, ...]]:
    return line.execute(f"SELECT * FROM {unnest(sent.type, name='t')}", [sent]).fetchall()


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, UUID) else value for value in row)


def test_rows_say_what_was_put_in_and_keep_their_order(line: psycopg.Connection[Any]) -> None:
    @given(st.lists(READINGS, max_size=5))
    def check(rows: list[tuple[Any, ...]]) -> None:
        found = _read(line, rows_of(OF_DEVICES, rows))

        assert [_plain(row) for row in found] == rows

    check()


def test_the_arrival_of_a_row_is_its_place(line: psycopg.Connection[Any]) -> None:
    repeats = next(row_type for row_type in TYPES if row_type.name == "sent_repeat")
    sent = [(str(uuid4()), str(uuid4())) for _ in range(3)]

    found = line.execute(
        f"SELECT * FROM {unnest(repeats, name='t', arrival=True)}", [rows_of(repeats, sent)]
    ).fetchall()

    assert [_plain(row) for row in found] == [(*row, place) for place, row in enumerate(sent, 1)]


@pytest.mark.parametrize(
    "at",
    [
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(1880, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ],
)
def test_microseconds_on_both_sides_of_the_epoch_of_postgresql_are_kept(
    line: psycopg.Connection[Any], at: datetime
) -> None:
    row = (str(uuid4()), 0, "x", False, at, None, b"", b"")

    assert _read(line, rows_of(OF_DEVICES, [row]))[0][4] == at


@pytest.mark.parametrize("kind", ["bigint", "jsonb"])
def test_whole_numbers_and_json_arrive(line: psycopg.Connection[Any], kind: str) -> None:
    reports = next(row_type for row_type in TYPES if row_type.name == "sent_report")
    refusals = next(row_type for row_type in TYPES if row_type.name == "sent_refusal")
    holder = reports if kind == "bigint" else refusals
    value = -(2**53) if kind == "bigint" else '[{"pointer": "/a", "code": "\\u00e9"}]'
    blank: dict[str, Any] = {
        "uuid": str(uuid4()),
        "bool": True,
        "timestamptz": datetime(2026, 1, 1, tzinfo=UTC),
        "bytea": b"",
        "text": "",
        "bigint": None,
        "jsonb": "[]",
    }
    row = [value if named == kind else blank[named] for _, named in holder.columns]
    place = next(n for n, (_, named) in enumerate(holder.columns) if named == kind)

    found = _read(line, rows_of(holder, [row]))[0][place]

    assert found == (value if kind == "bigint" else [{"pointer": "/a", "code": "\u00e9"}])


@pytest.mark.parametrize("row_type", TYPES, ids=lambda one: one.name)
def test_a_type_of_the_database_has_the_columns_that_are_sent(row_type: RowType) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT attname, atttypid::regtype::text FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid
            WHERE relkind = 'c' AND relname = %s AND NOT attisdropped ORDER BY attnum""",
            [row_type.name],
        )
        found = cursor.fetchall()
    words = {"boolean": "bool", "timestamp with time zone": "timestamptz"}

    assert [(name, words.get(kind, kind)) for name, kind in found] == list(row_type.columns)
