"""What every connection of the portal is bound by."""

import os
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction

from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT

AFTER = "SET idle_in_transaction_session_timeout = '100ms'"


@pytest.mark.django_db
@pytest.mark.req("F38")
def test_every_connection_limits_how_long_a_transaction_idles() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)


@pytest.mark.django_db
@pytest.mark.req("F38")
def test_a_transaction_that_is_left_open_is_ended_and_lets_its_locks_go() -> None:
    url = os.environ["DATABASE_URL"]
    leaking = psycopg.connect(url, autocommit=True)
    with psycopg.connect(url, autocommit=True) as watching:
        key = leaking.info.backend_pid
        leaking.execute(AFTER)
        leaking.execute("BEGIN")
        leaking.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        deadline = time.monotonic() + 30
        while not _is_free(watching, key):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with pytest.raises(psycopg.Error):
        leaking.execute("SELECT 1")
    leaking.close()


def _is_free(server: psycopg.Connection, key: int) -> bool:  # type: ignore[type-arg]
    row = server.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [key]).fetchone()
    return row == (0,)


@pytest.mark.django_db
@pytest.mark.req("F36")
def test_a_clock_of_ours_that_is_wrong_changes_neither_order_nor_time_of_the_trail() -> None:
    begun = _time_of_the_database()
    with transaction.atomic():
        made = [
            record(Action.VIEWED, by=SYSTEM_ACCOUNT, at=clock.now() + timedelta(minutes=ahead))
            for ahead in (5, -5, 5)
        ]
    rows = list(AuditEntry.objects.filter(pk__in=[each.pk for each in made]).order_by("id"))
    assert [row.pk for row in rows] == [each.pk for each in made]
    assert all(begun <= row.at <= _time_of_the_database() for row in rows)
    assert [row.at for row in rows] == sorted(row.at for row in rows)


def _time_of_the_database():  # type: ignore[no-untyped-def]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
