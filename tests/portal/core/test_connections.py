"""What every connection of the portal is bound by."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from portal.api.views import EdgeMixin
from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT
from portal.ops.health import own_connection_parameters

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


@pytest.mark.req("F28")
@pytest.mark.parametrize(
    ("process", "role", "waits", "urgently"),
    [
        ("web", "application", "500ms", "3s"),
        ("worker", "application", "5s", "5s"),
        ("command", "application", "5s", "5s"),
        ("command", "owner", "200ms", "200ms"),
    ],
)
def test_the_web_waits_for_a_lock_for_half_a_second_and_who_reports_a_serious_event_longer(
    process: str, role: str, waits: str, urgently: str
) -> None:
    told = (
        "from portal.settings import DATABASES, SAFETY_DATABASE;"
        "both = DATABASES['default'], SAFETY_DATABASE;"
        "print(*(one['OPTIONS']['options'] for one in both), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        env=os.environ | {"PORTAL_PROCESS": process, "PORTAL_DB_ROLE": role},
        capture_output=True,
        text=True,
        check=True,
    )
    ordinary, urgent = done.stdout.split("|")
    assert f"-c lock_timeout={waits} " in ordinary
    assert f"-c lock_timeout={urgently} " in urgent


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


@pytest.mark.django_db
@pytest.mark.req("F31")
def test_who_uses_what_is_kept_back_acts_as_the_application_and_may_nothing_by_itself() -> None:
    with psycopg.connect(**own_connection_parameters(kept_back=True)) as kept:
        asked = kept.execute("SELECT session_user, current_user").fetchone()
        assert asked == ("portal_safety", "portal_app")
        kept.execute("SELECT count(*) FROM patients_patient")
        kept.execute("SET ROLE NONE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            kept.execute("SELECT count(*) FROM patients_patient")


@pytest.mark.req("F31")
def test_what_is_urgent_is_to_report_a_serious_event_and_to_acknowledge() -> None:
    import_module(settings.ROOT_URLCONF)
    declared = {view.__name__: view.urgent for view in _views(EdgeMixin) if view.urgent}
    assert declared == {
        "AdverseEventViewSet": {"create", "add_follow_up"},
        "AlertViewSet": {"retrieve", "acknowledge"},
        "NoticeViewSet": {"retrieve", "acknowledge", "acknowledge_many"},
    }


def _views(kind: type[EdgeMixin]) -> Iterator[type[EdgeMixin]]:
    for view in kind.__subclasses__():
        yield view
        yield from _views(view)
