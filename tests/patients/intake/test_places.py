"""What keeps true what a report or a reading names although no foreign key asks (ADR 0011)."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from patients.models import DiaryAnswer, EproReport, ReportProcessing, VitalSign, VitalsUpload
from portal.core.history import acting
from portal.core.ids import INTAKE_ACCOUNT, uuid7
from tests.patients.intake.phones import Ward
from tests.plugins.servers import SERVERS

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
_UPLOADED: dict[str, Any] = {
    "authored_at": AT,
    "received_at": AT,
    "raw": b"{}",
    "digest": hashlib.sha256(b"{}").digest(),
}


_KEPT = (psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "table",
    [
        "trials_trial",
        "trials_site",
        "trials_instrument",
        "trials_protocolversion",
        "accounts_user",
        "patients_patient",
        "patients_diaryassignment",
        "patients_device",
        "patients_sourcerecord",
        "patients_eproreport",
        "patients_vitalsupload",
    ],
)
def test_not_even_the_owner_deletes_what_reports_name(ward: Ward, table: str) -> None:
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    with (
        psycopg.connect(url, autocommit=True) as owner,
        pytest.raises(_KEPT, match=r"never deleted|written once"),
    ):
        owner.execute(f"DELETE FROM {table}")  # type: ignore[call-overload]


def report(ward: Ward, **named: Any) -> EproReport:
    """Store a report of the ward's patient."""
    given = {"patient_id": ward.patient.pk, "submission_id": uuid7(), **_UPLOADED, **named}
    made: EproReport = EproReport.objects.create(**given)
    return made


def reading(ward: Ward, **named: Any) -> VitalSign:
    """Store a reading of the ward's patient."""
    given = {"patient_id": ward.patient.pk, "code": "heart_rate", "received_at": AT, **named}
    made: VitalSign = VitalSign.objects.create(**given)
    return made


def upload(ward: Ward, **named: Any) -> VitalsUpload:
    """Store an upload of readings of the ward's patient."""
    given = {"patient_id": ward.patient.pk, "submission_id": uuid7(), **_UPLOADED, **named}
    made: VitalsUpload = VitalsUpload.objects.create(**given)
    return made


def answer(ward: Ward, **named: Any) -> DiaryAnswer:
    """Store an answer of the ward's patient."""
    if "report_id" not in named:
        named["report_id"] = report(ward).pk
    made: DiaryAnswer = DiaryAnswer.objects.create(
        patient=ward.patient, item="pain", value=3, **named
    )
    return made


def processing(ward: Ward, **named: Any) -> ReportProcessing:
    """Store how far an upload was processed."""
    made: ReportProcessing = ReportProcessing.objects.create(patient=ward.patient, **named)
    return made


@pytest.mark.parametrize(
    ("store", "named"),
    [
        (report, "instrument_id"),
        (report, "assignment_id"),
        (report, "recorded_by_id"),
        (report, "protocol_version_id"),
        (report, "source_record_id"),
        (report, "device_id"),
        (upload, "recorded_by_id"),
        (upload, "protocol_version_id"),
        (upload, "source_record_id"),
        (reading, "report_id"),
        (reading, "vitals_upload_id"),
        (reading, "protocol_version_id"),
        (reading, "source_record_id"),
        (reading, "device_id"),
        (answer, "report_id"),
        (answer, "protocol_version_id"),
        (answer, "source_record_id"),
        (processing, "report_id"),
        (processing, "vitals_upload_id"),
    ],
)
def test_a_row_names_nothing_that_is_not_there(
    ward: Ward, store: Callable[..., Any], named: str
) -> None:
    with pytest.raises(DatabaseError) as refused, acting(by=INTAKE_ACCOUNT, reason="test"):
        store(ward, **{named: uuid7()})
    assert state(refused.value) == ("23503", "what_a_row_names_is_there")


@pytest.mark.parametrize("store", [report, reading, upload])
def test_a_row_is_of_a_patient_who_is_there(ward: Ward, store: Callable[..., Any]) -> None:
    place = {"trial_id": ward.patient.trial_id, "site_id": ward.patient.site_id}
    with pytest.raises(DatabaseError) as refused, acting(by=INTAKE_ACCOUNT, reason="test"):
        store(ward, patient_id=uuid7(), **place)
    assert state(refused.value) == ("23503", "what_a_row_names_is_there")


@pytest.mark.parametrize("store", [report, reading, upload])
def test_a_row_is_placed_where_its_patient_was_whatever_it_says(
    ward: Ward, store: Callable[..., Any]
) -> None:
    with acting(by=INTAKE_ACCOUNT, reason="test"):
        made = store(ward)
    made.refresh_from_db()
    assert (made.trial_id, made.site_id) == (ward.patient.trial_id, ward.patient.site_id)
    wrong = {"trial_id": uuid7(), "site_id": ward.patient.site_id}
    with pytest.raises(DatabaseError) as refused, acting(by=INTAKE_ACCOUNT, reason="test"):
        store(ward, **wrong)
    assert state(refused.value) == ("23514", "a_row_is_captured_where_the_patient_was")


def test_a_change_names_nothing_that_is_not_there(ward: Ward) -> None:
    with acting(by=INTAKE_ACCOUNT, reason="test"):
        made = reading(ward)
    with pytest.raises(DatabaseError) as refused, acting(by=INTAKE_ACCOUNT, reason="test"):
        VitalSign.objects.filter(pk=made.pk).update(report_id=uuid7())
    assert state(refused.value) == ("23503", "what_a_row_names_is_there")


def state(error: Any) -> tuple[str, str]:
    """Return SQLSTATE and constraint of what the database refused."""
    return error.__cause__.sqlstate, error.__cause__.diag.constraint_name
