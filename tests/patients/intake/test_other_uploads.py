"""Readings, bedside gateways, offline queues, and how far an upload has come."""

import json
from datetime import timedelta

import pytest

from patients.intake.app import running
from portal.core import clock
from portal.core.ids import uuid7
from portal.outbox.kinds import Lane
from tests.patients.intake.phones import Client, Ward, ago, reading, report, rows

pytestmark = pytest.mark.django_db(transaction=True)


async def test_readings_are_stored_as_one_upload(ward: Ward, client: Client) -> None:
    body = {
        "submission_id": str(uuid7()),
        "patient": str(ward.patient.pk),
        "readings": [reading(), reading(code="temperature", value="53.5", unit="Cel")],
    }

    first = await client.post("vitals", body, ward.token)
    again = await client.post("vitals", body, ward.token)

    assert first.status == again.status == 202
    assert first.json()["warnings"] == [{"pointer": "/readings/1/value", "code": "implausible"}]
    assert again.json()["id"] == first.json()["id"]
    assert await rows("SELECT id::text, patient_id FROM patients_vitalsupload") == [
        (first.json()["id"], ward.patient.pk)
    ]


async def test_reading_from_a_device_held_by_another_is_quarantined(
    ward: Ward, client: Client
) -> None:
    taken = [reading(), reading(device_id="bed-2"), reading(device_id="bed-1")]

    answer = await client.post("epro-reports", report(ward.patient, vitals=taken), ward.token)

    assert answer.status == 202
    assert answer.json()["warnings"] == [
        {"pointer": "/vitals/1/device_id", "code": "device_of_another"}
    ]
    assert await rows("SELECT foreign_readings FROM patients_eproreport") == [([1],)]
    kept = await rows(
        "SELECT reason, original, record_id::text FROM patients_quarantinedsubmission"
    )
    assert [(r[0], json.loads(bytes(r[1])), r[2]) for r in kept] == [
        ("device_of_another", taken[1], answer.json()["id"])
    ]


async def test_gateway_gives_each_patient_what_their_device_measured(
    ward: Ward, client: Client
) -> None:
    names = ("bed-1", "bed-2", "spare", "bed-1", "unknown")
    body = {
        "submission_id": str(uuid7()),
        "readings": [reading(device_id=name) for name in names],
    }

    answer = await client.post("vitals", body, ward.gateway)
    again = await client.post("vitals", body, ward.gateway)

    assert answer.status == again.status == 202
    assert [warning["pointer"] for warning in answer.json()["warnings"]] == [
        "/readings/2/device_id",
        "/readings/4/device_id",
    ]
    stored = await rows(
        "SELECT patient_id, foreign_readings FROM patients_vitalsupload ORDER BY patient_id"
    )
    assert stored == sorted([(ward.patient.pk, [1, 2, 4]), (ward.other.pk, [0, 2, 3, 4])])
    assert await rows("SELECT count(*) FROM patients_quarantinedsubmission") == [(2,)]
    assert again.headers["idempotency-replayed"] == "true"


async def test_phone_must_name_its_patient(ward: Ward, client: Client) -> None:
    body = {"submission_id": str(uuid7()), "readings": [reading(device_id="bed-1")]}

    answer = await client.post("vitals", body, ward.token)

    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == "/patient"


@pytest.mark.req("F68")
async def test_offline_queue_of_thirty_days_gets_a_verdict_each(ward: Ward, client: Client) -> None:
    kept = [report(ward.patient, authored_at=ago(hours=hours)) for hours in range(0, 700, 7)]
    kept[3] = kept[3] | {"arm": "A"}
    kept[5] = kept[5] | {"patient": str(ward.other.pk)}
    kept[7] = dict(kept[6])
    kept[9] = kept[8] | {"answers": {}}

    answer = await client.post("batch", {"reports": kept}, ward.token)

    assert answer.status == 200
    results = answer.json()["results"]
    assert [result["submission_id"] for result in results] == [one["submission_id"] for one in kept]
    expected = {3: 400, 5: 404, 9: 409}
    assert [r["status"] for r in results] == [expected.get(i, 202) for i in range(len(kept))]
    assert results[7]["receipt"] == results[6]["receipt"]
    assert results[9]["problem"]["code"] == "submission_conflict"
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(len(kept) - 4,)]


@pytest.mark.req("F69")
async def test_phone_whose_clock_jumps_is_stored_as_it_says_with_both_times(
    ward: Ward, client: Client
) -> None:
    """Two days behind is late or of no window, two days ahead is doubted; nothing is moved."""
    said = {skew: clock.now() + timedelta(days=skew) for skew in (0, -2, 2, -1)}
    replies = {}
    for skew, at in said.items():
        times = {"authored_at": at.isoformat(), "saved_at": at.isoformat()}
        vitals = [reading(measured_at=at.isoformat())]
        body = report(ward.patient, vitals=vitals, device_clock_offset_ms=skew * 1000, **times)
        replies[skew] = await client.post("epro-reports", body, ward.token)
    after = clock.now()

    assert [reply.status for reply in replies.values()] == [202] * 4
    doubted = {
        skew: {one["code"] for one in reply.json()["warnings"]} for skew, reply in replies.items()
    }
    assert {skew for skew, codes in doubted.items() if "clock_suspect" in codes} == {2}
    kept = await rows(
        "SELECT authored_at, saved_at, received_at, device_clock_offset_ms, disposition "
        "FROM patients_eproreport ORDER BY received_at"
    )
    assert [row[0] for row in kept] == [row[1] for row in kept] == list(said.values())
    assert all(said[0] <= row[2] <= after for row in kept)
    assert [row[3] for row in kept] == [skew * 1000 for skew in said]
    assert [row[4] for row in kept] == ["accepted", "unassigned", "late", "unassigned"]


@pytest.mark.parametrize("body", [{"reports": []}, {"reports": [1, "x", None]}])
async def test_batch_of_nothing_useful_is_still_answered(
    ward: Ward, client: Client, body: dict[str, list[object]]
) -> None:
    answer = await client.post("batch", body, ward.token)

    assert answer.status == 200
    assert [r["status"] for r in answer.json()["results"]] == [400] * len(body["reports"])


async def test_status_is_told_to_the_patient_and_in_full_to_nobody_else(
    ward: Ward, client: Client
) -> None:
    told = (await client.post("epro-reports", report(ward.patient), ward.token)).json()

    own = await client.get(told["status_url"], ward.token)
    others = await client.get(told["status_url"], ward.other_token)
    never = await client.get(f"/api/v1/intake/epro-reports/{uuid7()}/", ward.token)

    assert own.status == 200
    assert own.json() == {
        "id": told["id"],
        "submission_id": told["submission_id"],
        "status": "received",
        "disposition": "accepted",
        "received_at": told["received_at"],
    }
    assert others.status == never.status == 404


async def test_safety_answer_takes_the_lane_of_its_own(ward: Ward, client: Client) -> None:
    intake = await running()
    lanes = []
    for answers in ({"self_harm": True}, {"self_harm": False}, {"pain": 10}):
        body = report(ward.patient, answers=answers)
        await client.post("epro-reports", body, ward.token)
        from patients.intake.bodies import read_report
        from portal.core import clock

        upload = read_report(json.dumps(body).encode(), clock.now())
        lanes.append(intake.instruments.lane_of(upload))

    assert lanes == [Lane.SAFETY, Lane.ORDINARY, Lane.ORDINARY]
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(3,)]
