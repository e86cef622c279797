"""What a batch says arrives in the database alike, whichever form its columns take."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from patients.intake.columns import Binaries, Instants, adapt, as_text, parameters
from patients.intake.lines import connection_options
from portal.outbox.kinds import Lane

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = "SELECT %s::timestamptz[], %s::bytea[]"
COLUMNS = (("at", "timestamptz"), ("raw", "bytea"))
INSTANTS = st.datetimes(
    min_value=datetime(1880, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda off: timezone(timedelta(minutes=off))),
)
ROWS = st.lists(st.tuples(st.none() | INSTANTS, st.binary(max_size=50)), min_size=1, max_size=5)


def _binary(sent: list[Any]) -> tuple[Any, ...] | None:
    with psycopg.connect(**connection_options(Lane.ORDINARY)) as plain:
        adapt(plain.adapters)
        return plain.execute(ASKED, sent).fetchone()


def _text(sent: list[Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(ASKED, as_text(sent))
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def test_binary_and_text_columns_say_what_was_put_in() -> None:
    @given(ROWS)
    def check(rows: list[tuple[datetime | None, bytes]]) -> None:
        sent = parameters(rows, COLUMNS)

        assert _binary(sent) == ([at for at, _ in rows], [raw for _, raw in rows])
        found = _text(sent)
        assert found is not None
        assert found[0] == [at for at, _ in rows]
        assert [bytes(raw) for raw in found[1]] == [raw for _, raw in rows]

    check()


def test_columns_of_no_rows_are_empty_arrays() -> None:
    sent = parameters([], COLUMNS)

    assert _binary(sent) == ([], [])
    assert _text(sent) == ([], [])


def test_microseconds_before_the_epoch_of_postgresql_are_kept() -> None:
    at = datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    assert _binary([Instants([at]), Binaries([b""])]) == ([at], [b""])
