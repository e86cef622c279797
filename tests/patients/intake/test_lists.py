"""What intake wrote is told by the lists of the API, within the reader's scope."""

import asyncio

import pytest
from django.db import connection
from django.test import Client as DjangoClient

from portal.accounts.models import User
from tests.patients.intake.phones import Client, Ward, report, rows, staff_token

pytestmark = pytest.mark.django_db(transaction=True)


async def _list(person: User, path: str) -> tuple[int, list[dict[str, object]]]:
    def ask() -> tuple[int, list[dict[str, object]]]:
        try:
            headers = {"authorization": f"Bearer {staff_token(person)}"}
            answer = DjangoClient().get(f"/api/v1/{path}", headers=headers)
            return answer.status_code, answer.json().get("results", [])
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


async def test_site_sees_reports_and_quarantine_and_the_monitor_no_quarantine(
    ward: Ward, client: Client
) -> None:
    body = report(ward.patient)
    stored = (await client.post("epro-reports", body, ward.token)).json()
    await client.post("epro-reports", body | {"answers": {}}, ward.token)

    status, listed = await _list(ward.coordinator, f"patients/{ward.patient.pk}/epro-reports/")
    kept_status, kept = await _list(ward.coordinator, "quarantined-submissions/")
    monitors, _ = await _list(ward.monitor, "quarantined-submissions/")

    assert (status, [row["id"] for row in listed]) == (200, [stored["id"]])
    assert (listed[0]["status"], listed[0]["disposition"]) == ("received", "accepted")
    assert kept_status == 200
    assert [(row["reason"], row["record"]) for row in kept] == [
        ("submission_conflict", stored["id"])
    ]
    assert monitors == 403


async def test_report_outside_consent_is_stored_and_sealed_from_the_list(
    ward: Ward, client: Client
) -> None:
    early = report(ward.patient, authored_at="2026-01-02T08:00:00+01:00")
    await client.post("epro-reports", early, ward.token)

    _, listed = await _list(ward.coordinator, f"patients/{ward.patient.pk}/epro-reports/")

    assert listed == []
    assert await rows("SELECT disposition FROM patients_eproreport") == [("outside_consent",)]
