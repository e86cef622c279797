"""Vital signs over the API: recorded by site staff, corrected with a reason, never overwritten."""

from typing import Any

import pytest
from django.test import Client

from patients.models import DataFinding, VitalSign
from portal.accounts.models import User
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
VITALS = "/api/v1/vitals/"


@pytest.fixture
def doctor(world: World) -> User:
    return make_person(world, "ines", "principal_investigator", world.sites[0])


def send(method: str, path: str, body: Any, person: User, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    call = getattr(Client(), method)
    return call(path, body, "application/json", headers={**bearer(person), **named})


def record(world: World, person: User, **facts: Any) -> Any:
    body = {
        "patient": str(world.patients[0].pk),
        "code": "temperature",
        "value": "99.50",
        "unit": "[degF]",
        "measured_at": "2026-03-04T08:30",
        **facts,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return send("post", VITALS, body, person)


def correct(made: dict[str, Any], person: User, **body: Any) -> Any:
    tag = f'"{VitalSign.objects.get(pk=made["id"]).version}"'
    path = f"{VITALS}{made['id']}/"
    return send("patch", path, {"change_reason": "misread", **body}, person, if_match=tag)


@pytest.mark.req("F88")
def test_a_reading_is_kept_as_given_and_in_its_canonical_unit(world: World, doctor: User) -> None:
    answer = record(world, doctor, position="sitting")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["original_value"], made["original_unit"]) == ("99.50", "[degF]")
    assert (made["value"], made["unit"], made["position"]) == (37.5, "Cel", "sitting")
    assert (made["originator"], made["status"], made["flags"]) == ("staff", "final", [])
    assert answer["ETag"] == '"1"'
    seen = Client().get(f"{VITALS}{made['id']}/", headers=bearer(doctor))
    assert (seen.json(), seen["ETag"]) == (made, '"1"')
    assert "partial_update" in made["allowed_actions"]


@pytest.mark.req("F87")
def test_form_refuses_and_content_flags(world: World, doctor: User) -> None:
    odd = record(world, doctor, value="101.3", unit="Cel")
    assert (odd.status_code, odd.json()["flags"]) == (201, ["implausible"])
    assert DataFinding.objects.filter(record_id=odd.json()["id"], state="open").count() == 1
    assert correct(odd.json(), doctor, unit="[degF]").json()["flags"] == []
    assert not DataFinding.objects.filter(record_id=odd.json()["id"], state="open").exists()


@pytest.mark.parametrize(
    ("facts", "pointer", "code"),
    [
        ({"unit": "kg"}, "/unit", "unknown_unit"),
        ({"unit": None}, "/unit", "unknown_unit"),
        ({"value": "١٢"}, "/value", "not_a_finite_decimal"),
        ({"value": "NaN"}, "/value", "not_a_finite_decimal"),
        ({"value": None}, "/value", "not_a_finite_decimal"),
        ({"value": True}, "/value", "not_a_finite_decimal"),
        ({"code": "pulse"}, "/code", "invalid_choice"),
        ({"measured_at": None}, "/measured_at", "required"),
        ({"measured_at": "2099"}, "/measured_at", "implausible"),
        ({"not_done_reason": "asleep"}, "/value", "not_done_has_no_value"),
        ({"visit": "01890000-0000-7000-8000-00000000dead"}, "/visit", "unknown_visit"),
        ({"code": "pain_score", "value": 3, "unit": "{score}"}, "/code", "patients_own_answer"),
        ({"status": "final"}, "/status", "unknown_field"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_is_refused_and_where(
    world: World, doctor: User, facts: dict[str, Any], pointer: str, code: str
) -> None:
    answer = record(world, doctor, **facts)
    assert answer.status_code == 400
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


def test_what_was_not_done_has_a_reason_and_no_value(world: World, doctor: User) -> None:
    made = record(world, doctor, value=None, unit=None, not_done_reason="asleep").json()
    assert (made["value"], made["not_done_reason"]) == (None, "asleep")


def test_a_correction_needs_version_and_reason_and_keeps_what_was(
    world: World, doctor: User
) -> None:
    made = record(world, doctor).json()
    path = f"{VITALS}{made['id']}/"
    assert send("patch", path, {"value": "98.6", "change_reason": "x"}, doctor).status_code == 428
    unsaid = send("patch", path, {"value": "98.6"}, doctor, if_match='"1"')
    assert unsaid.json()["code"] == "change_reason_required"
    done = correct(made, doctor, value="98.6")
    assert (done.status_code, done.json()["value"], done["ETag"]) == (200, 37, '"2"')
    assert (
        send("patch", path, {"value": "9", "change_reason": "x"}, doctor, if_match='"1"')["ETag"]
        == '"2"'
    )
    rows = TRACKED[VitalSign]._default_manager.filter(pgh_obj_id=made["id"]).order_by("pgh_id")
    assert [(row.original_value, row.acted_reason) for row in rows] == [
        ("99.50", "recorded"),
        ("98.6", "misread"),
    ]


def test_a_reading_is_withdrawn_as_entered_in_error(world: World, doctor: User) -> None:
    made = record(world, doctor).json()
    done = correct(made, doctor, status="entered_in_error").json()
    assert (done["status"], done["value"]) == ("entered_in_error", 37.5)


def test_what_a_patient_sent_keeps_its_value(world: World, doctor: User) -> None:
    reading = world.vitals[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        VitalSign.objects.filter(pk=reading.pk).update(originator="participant")
    sent = {"id": str(reading.pk)}
    refused = correct(sent, doctor, value="37")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_entered_by_staff")
    assert correct(sent, doctor, status="artifact").status_code == 200


@pytest.mark.req("ISO-03")
@pytest.mark.parametrize(
    "role",
    ["cra", "data_manager", "safety_officer", "trial_manager", "medical_monitor", "inspector"],
)
def test_who_monitors_corrects_nothing(world: World, role: str) -> None:
    other = make_person(world, f"{role} who corrects", role, world.trials[0])
    assert record(world, other).status_code == 403
    assert correct({"id": str(world.vitals[0].pk)}, other, value="37").status_code == 403


def test_another_sites_reading_does_not_exist(world: World, doctor: User) -> None:
    assert record(world, doctor, patient=str(world.patients[2].pk)).status_code == 404
    assert correct({"id": str(world.vitals[-1].pk)}, doctor, value="37").status_code == 404
