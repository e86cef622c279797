"""Acts that change no row leave an entry that nobody can date, edit or remove."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.history import Source, acting, under
from portal.core.ids import SYSTEM_ACCOUNT, uuid7

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


def sqlstate(act: Callable[[], Any]) -> str | None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        act()
    return getattr(caught.value.__cause__, "sqlstate", None)


@pytest.mark.req("E6-03")
def test_entry_says_who_in_which_role_what_about_which_record() -> None:
    patient, request = uuid7(), "r-17"
    with under(source=Source.API, role="doctor", organization="Clinic", request_id=request):
        made = record(
            Action.VIEWED,
            by=SYSTEM_ACCOUNT,
            at=clock.now(),
            resource="patient",
            record_id=patient,
            patient_id=patient,
            detail={"fields": ["usubjid"]},
        )
    entry = AuditEntry.objects.get(pk=made.pk)
    assert (entry.action, entry.acted_by, entry.acted_role) == ("viewed", SYSTEM_ACCOUNT, "doctor")
    assert (entry.acted_organization, entry.acted_source) == ("Clinic", "api")
    assert (entry.acted_request_id, entry.resource, entry.record_id) == (
        request, "patient", patient,
    )  # fmt: skip
    assert entry.detail == {"fields": ["usubjid"]}


@pytest.mark.req("P11-12")
def test_entry_is_dated_and_numbered_by_the_database() -> None:
    before = clock.now()
    made = record(Action.SIGNED_IN, by=SYSTEM_ACCOUNT, at=LONG_AGO)
    forged = AuditEntry.objects.create(id=-5, at=LONG_AGO, action="viewed")
    forged = AuditEntry.objects.order_by("-id")[0]
    assert 0 < made.pk < forged.pk
    assert before - timedelta(seconds=5) < made.at <= forged.at <= clock.now()


def test_refused_sign_in_names_nobody() -> None:
    made = record(Action.SIGN_IN_REFUSED, by=None, at=clock.now(), detail={"reason": "locked"})
    assert AuditEntry.objects.get(pk=made.pk).acted_by is None


def test_entry_goes_with_the_transaction_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), acting(by=SYSTEM_ACCOUNT):
        record(Action.EXPORTED, by=SYSTEM_ACCOUNT, at=clock.now())
        _ = 1 / 0
    assert not AuditEntry.objects.exists()


def test_entry_without_an_action_is_refused() -> None:
    assert sqlstate(lambda: AuditEntry.objects.create(action="")) == "23514"


TAMPERING = {
    "update": "UPDATE audit.audit_auditentry SET detail = '{}'",
    "delete": "DELETE FROM audit.audit_auditentry",
    "truncate": "TRUNCATE audit.audit_auditentry",
    "upsert": "INSERT INTO audit.audit_auditentry (pgh_id, action, acted_role, acted_organization, "
    "acted_source, acted_request_id, resource, detail) VALUES (1, 'x', '', '', '', '', '', '{}') "
    "ON CONFLICT (pgh_id) DO UPDATE SET action = 'y'",
    "number of its own": "SELECT nextval('audit.history_id')",
    "seal of its own": "INSERT INTO audit.audit_seal SELECT * FROM audit.audit_seal",
    "part of its own": "INSERT INTO audit.audit_sealpart SELECT * FROM audit.audit_sealpart",
    "layout of its own": "INSERT INTO audit.audit_seallayout SELECT * FROM audit.audit_seallayout",
    "change of a seal": "UPDATE audit.audit_seal SET number = 2",
    "removal of parts": "DELETE FROM audit.audit_sealpart",
    "parts without a seal": "SELECT audit.seal_parts(1, 0, 10, 10)",
    "other function": "CREATE OR REPLACE FUNCTION audit.seal_next() RETURNS bigint "
    "LANGUAGE sql RETURN 1",
}


@pytest.mark.req("P11-03")
@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_application_role_cannot_touch_the_trail(statement: str) -> None:
    record(Action.VIEWED, by=SYSTEM_ACCOUNT, at=clock.now())

    def tamper() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    assert sqlstate(tamper) == "42501"
