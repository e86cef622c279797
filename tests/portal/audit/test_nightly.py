"""The trail is verified every night; the result stands in the trail, at /readyz and in metrics."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from portal.audit import nightly
from portal.audit.models import AuditEntry
from portal.audit.nightly import OVERDUE, Verification, last_verification, verify_and_record
from portal.audit.record import Action, record
from portal.audit.tasks import verify_audit
from portal.celery import app
from portal.core import clock
from portal.core.history import Source
from portal.core.ids import SYSTEM_ACCOUNT
from portal.ops import health
from tests.portal.audit.conftest import Trail, other_connection

SCHEDULED = [entry["task"] for entry in app.conf.beat_schedule.values()]


def test_beat_asks_for_it_every_night() -> None:
    assert verify_audit.name in SCHEDULED
    limits = app.conf.task_annotations[verify_audit.name]
    assert limits["time_limit"] < app.conf.broker_transport_options["visibility_timeout"]


@pytest.mark.django_db
def test_the_result_is_an_entry_of_the_trail() -> None:
    verify_audit()
    entry = AuditEntry.objects.get(action="verified")
    assert (entry.acted_by, entry.acted_source) == (SYSTEM_ACCOUNT, Source.TASK)
    assert entry.detail["complete"]
    assert entry.detail["clean"]
    assert entry.detail["tables"] > 50
    assert last_verification().state(clock.now()) == "ok"


def test_a_tampered_row_is_named_in_the_result(trail: Trail, settings: object) -> None:
    settings.AUDIT_WITNESSES = [str(trail.anchor)]  # type: ignore[attr-defined]
    table = "patients_sourcerecord"
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute(f"SELECT min(pgh_id) FROM {table}")
            row = cursor.fetchone()[0]
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"UPDATE {table} SET row_number = 7 WHERE pgh_id = %s", [row])
            entry = verify_and_record(at=clock.now())
        finally:
            cursor.execute("ROLLBACK")
    assert entry is not None
    assert entry.detail["anchored"]
    assert not entry.detail["clean"]
    assert {"table": table, "row": row}.items() <= entry.detail["first"][0].items()


@pytest.mark.django_db
def test_a_verification_that_breaks_off_is_a_result_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_time(**_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(nightly, "verify", out_of_time)
    with pytest.raises(TimeoutError):
        verify_and_record(at=clock.now())
    assert last_verification().state(clock.now()) == "unfinished"


@pytest.mark.django_db
def test_two_at_once_are_one() -> None:
    with other_connection() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [nightly._LOCK])
        assert verify_and_record(at=clock.now()) is None
    assert not AuditEntry.objects.filter(action="verified").exists()


def test_a_night_that_was_missed_is_overdue() -> None:
    at = clock.now()
    last = Verification(at=at, is_clean=True, is_complete=True)
    assert last.state(at + OVERDUE) == "ok"
    assert last.state(at + OVERDUE + timedelta(seconds=1)) == "overdue"
    assert Verification().state(at) == "never"


@pytest.mark.django_db
def test_a_failure_is_shown_at_readyz_and_in_the_metrics(client: Client) -> None:
    assert "\nportal_audit_clean " not in client.get("/metrics").content.decode()
    detail = {"complete": True, "clean": False}
    record(Action.VERIFIED, by=SYSTEM_ACCOUNT, at=clock.now(), detail=detail)
    health.forget()
    told = client.get("/readyz").json()
    assert (told["status"], told["details"]["audit"]) == ("ok", "failed")
    assert "portal_audit_clean 0.0" in client.get("/metrics").content.decode()
    health.forget()
