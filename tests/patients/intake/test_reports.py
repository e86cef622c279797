"""Diary reports: stored before they are answered, once, under the patient's own name."""

import hashlib
import json

import pytest

from tests.patients.intake.phones import Client, Ward, report, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.req("F1")
async def test_report_is_stored_before_it_is_answered(ward: Ward, client: Client) -> None:
    body = json.dumps(report(ward.patient)).encode()

    answer = await client.post("epro-reports", body, ward.token)

    assert answer.status == 202, answer.content
    told = answer.json()
    stored = await rows(
        "SELECT id::text, original, digest, disposition, recorded_by_id, site_id, assignment_id "
        "FROM patients_eproreport",
    )
    assert [row[0] for row in stored] == [told["id"]]
    assert bytes(stored[0][1]) == body
    assert bytes(stored[0][2]) == hashlib.sha256(body).digest()
    assert stored[0][3] == "accepted"
    assert stored[0][5:] == (ward.patient.site_id, ward.due.pk)
