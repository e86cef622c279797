"""Diary reports: stored before they are answered, once, under the patient's own name."""

import asyncio
import hashlib
import json

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.core.ids import INTAKE_ACCOUNT, SYSTEM_ACCOUNT, uuid7
from tests.patients.intake.phones import Client, Ward, report, rows, staff_token

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


async def test_same_content_again_gets_the_same_receipt(ward: Ward, client: Client) -> None:
    body = report(ward.patient)
    first = await client.post("epro-reports", body, ward.token)
    again = json.dumps(body, indent=2).encode()

    second = await client.post("epro-reports", again, ward.token)

    assert second.status == 202
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    assert "idempotency-replayed" not in first.headers


@pytest.mark.req("F64")
@pytest.mark.parametrize("change", [(b'"pain": 3', b'"pain": 4'), (b'"pain": 3', b'"pain": true')])
async def test_other_content_under_a_known_submission_is_a_conflict_and_kept(
    ward: Ward, client: Client, change: tuple[bytes, bytes]
) -> None:
    body = json.dumps(report(ward.patient)).encode()
    first = (await client.post("epro-reports", body, ward.token)).json()
    other = body.replace(*change)
    assert other != body

    answer = await client.post("epro-reports", other, ward.token)

    assert (answer.status, answer.json()["code"]) == (409, "submission_conflict")
    kept = await rows(
        "SELECT reason, original, record_id::text, site_id FROM patients_quarantinedsubmission"
    )
    assert [(r[0], bytes(r[1]), r[2], r[3]) for r in kept] == [
        ("submission_conflict", other, first["id"], ward.patient.site_id)
    ]
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(1,)]


@pytest.mark.req("F65")
async def test_same_submission_of_another_patient_is_another_report(
    ward: Ward, client: Client
) -> None:
    body = report(ward.patient)
    first = await client.post("epro-reports", body, ward.token)

    answer = await client.post(
        "epro-reports", body | {"patient": str(ward.other.pk)}, ward.other_token
    )
    foreign = await client.post("epro-reports", body, ward.other_token)

    assert answer.status == 202
    assert "idempotency-replayed" not in answer.headers
    assert answer.json()["id"] != first.json()["id"]
    assert foreign.status == 404
    assert first.json()["id"].encode() not in foreign.content


async def test_another_patient_and_an_unknown_one_are_answered_alike(
    ward: Ward, client: Client
) -> None:
    others = await client.post("epro-reports", report(ward.other), ward.token)
    unknown = await client.post("epro-reports", report(uuid7()), ward.token)

    assert others.status == unknown.status == 404
    assert others.json() == unknown.json()
    places = await rows("SELECT DISTINCT site_id FROM patients_quarantinedsubmission")
    assert places == [(ward.patient.site_id,)]


@pytest.mark.req("F63")
async def test_six_at_once_of_one_submission_make_one_report(ward: Ward, client: Client) -> None:
    for _ in range(5):
        body = report(ward.patient)
        answers = await asyncio.gather(
            *(client.post("epro-reports", body, ward.token) for _ in range(6))
        )
        assert [answer.status for answer in answers] == [202] * 6
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(5,)]


async def test_history_of_a_report_says_intake_and_keeps_no_second_copy(
    ward: Ward, client: Client
) -> None:
    await client.post("epro-reports", report(ward.patient), ward.token)

    history = await rows(
        "SELECT acted_by, acted_source, pgh_label, recorded_by_id IS NOT NULL "
        "FROM patients_eproreporthistory"
    )

    assert history == [(INTAKE_ACCOUNT, "intake", "insert", True)]


@pytest.mark.parametrize(
    ("change", "disposition"),
    [
        ("UPDATE patients_consent SET signed_at = now() + interval '1 day'", "outside_consent"),
        ("UPDATE patients_patient SET participation = 'discontinued'", "after_end"),
        ("UPDATE patients_diaryassignment SET closes_at = now() - interval '1 hour'", "late"),
        ("UPDATE patients_diaryassignment SET opens_at = now() + interval '1 hour'", "unassigned"),
        (
            "UPDATE trials_instrument SET instrument_version = '0.9'",
            "unknown_version",
        ),
    ],
)
async def test_what_is_odd_sets_the_disposition_and_refuses_nothing(
    ward: Ward, client: Client, change: str, disposition: str
) -> None:
    await rows(
        "SELECT set_config('portal.actor', %s, false), set_config('portal.reason', 'test', false)",
        str(SYSTEM_ACCOUNT),
        then=change,
    )

    answer = await client.post("epro-reports", report(ward.patient), ward.token)

    assert answer.status == 202
    assert await rows("SELECT disposition FROM patients_eproreport") == [(disposition,)]


async def test_revoked_session_is_refused_in_the_writing_statement(
    ward: Ward, client: Client
) -> None:
    for change, code in (
        ("UPDATE accounts_session SET expires_at = now()", "token_expired"),
        (
            "UPDATE accounts_session SET revoked_at = now(), revoked_reason = 'revoked', "
            f"revoked_by_id = '{SYSTEM_ACCOUNT}'",
            "token_revoked",
        ),
        ("UPDATE accounts_user SET is_active = false WHERE kind = 'patient'", "user_inactive"),
    ):
        await rows(
            "SELECT set_config('portal.actor', %s, false), "
            "set_config('portal.reason', 'test', false)",
            str(SYSTEM_ACCOUNT),
            then=change,
        )
        for body in (report(ward.patient), {"unknown": 1}):
            answer = await client.post("epro-reports", body, ward.token)
            assert (answer.status, answer.json()["code"]) == (401, code)
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(0,)]
    assert await rows("SELECT count(*) FROM patients_quarantinedsubmission") == [(0,)]


async def test_refused_body_is_kept_for_the_site_and_its_id_is_not_remembered(
    ward: Ward, client: Client
) -> None:
    body = report(ward.patient)
    refused = json.dumps(body | {"arm": "A"}).encode()

    first = await client.post("epro-reports", refused, ward.token)
    again = await client.post("epro-reports", refused, ward.token)
    good = await client.post("epro-reports", body, ward.token)

    assert (first.status, first.json()["code"]) == (400, "unknown_field")
    assert first.json()["errors"][0]["pointer"] == "/arm"
    assert again.status == 400
    assert good.status == 202
    kept = await rows("SELECT original, code, patient_id FROM patients_quarantinedsubmission")
    assert [(bytes(row[0]), *row[1:]) for row in kept] == [
        (refused, "unknown_field", ward.patient.pk)
    ]


async def test_staff_transcribe_for_patients_of_their_site_only(ward: Ward, client: Client) -> None:
    written = {"originator": "staff", "originator_reason": "phone broken"}
    investigator = await asyncio.to_thread(_staff, ward.coordinator)
    monitor = await asyncio.to_thread(_staff, ward.monitor)

    own = await client.post("epro-reports", report(ward.patient, **written), investigator)
    far = await client.post("epro-reports", report(ward.elsewhere, **written), investigator)
    seen = await client.post("epro-reports", report(ward.patient, **written), monitor)

    assert [own.status, far.status, seen.status] == [202, 404, 403]


def _staff(person: User) -> str:
    try:
        return staff_token(person)
    finally:
        connection.close()
