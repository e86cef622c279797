"""Monitoring plans, clinical flags and time zones over the API and at the desk."""

from typing import Any

import pytest
from django.test import Client

from patients.models import ClinicalFlag, MonitoringPlan, PatientZone
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person
from tests.portal.desk.test_lists import address
from tests.portal.desk.world import signed_in
from trials.models import Site

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
WHY = {"change_reason": "agreed with the site"}


@pytest.fixture
def manager(world: World) -> User:
    return make_person(world, "max", "trial_manager", world.trials[0])


@pytest.fixture
def doctor(world: World) -> User:
    return make_person(world, "ines", "principal_investigator", world.sites[0])


def send(method: str, path: str, person: User, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return getattr(Client(), method)(
        f"/api/v1/{path}", body, "application/json", headers={**bearer(person), **named}
    )


def test_a_plan_turns_news2_on_and_off(world: World, manager: User) -> None:
    plan = world.monitoring_plans[0]
    path = f"monitoring-plans/{plan.pk}/"
    body = {"setting": "inpatient", "news2_enabled": True, "fresh_for": {"heart_rate": 600}}
    assert send("patch", path, manager, body | WHY).status_code == 428
    assert send("patch", path, manager, body, if_match='"1"').status_code == 400
    on = send("patch", path, manager, body | WHY, if_match='"1"')
    assert (on.status_code, on.json()["news2_enabled"]) == (200, True), on.content
    assert on.json()["fresh_for"] == {"heart_rate": 600}
    listed = Client().get("/api/v1/monitoring-plans/", headers=bearer(manager)).json()["results"]
    assert {"heart_rate": 600} in [one["fresh_for"] for one in listed]
    assert send("patch", path, manager, body | WHY, if_match='"1"').status_code == 412
    off = send("patch", path, manager, {"news2_enabled": False, **WHY}, if_match=on["ETag"])
    assert (off.json()["news2_enabled"], off.json()["setting"]) == (False, "inpatient")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"news2_enabled": True}, ""),
        ({"fresh_for": {"mood": 60}}, "/fresh_for/mood"),
        ({"fresh_for": {"heart_rate": 0}}, "/fresh_for/heart_rate"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    world: World, manager: User, body: dict[str, Any], pointer: str
) -> None:
    path = f"monitoring-plans/{world.monitoring_plans[0].pk}/"
    answer = send("patch", path, manager, body | WHY, if_match='"1"')
    assert answer.status_code == 400
    assert [part["pointer"] for part in answer.json()["errors"]] == [pointer]


def test_a_site_has_one_plan(world: World, manager: User) -> None:
    site = world.sites[1]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        new = Site.objects.create(
            trial=site.trial, institution=site.institution, code="new", country="FRA"
        )
    again = send("post", "monitoring-plans/", manager, {"site": str(site.pk), **WHY})
    assert (again.status_code, again.json()["code"]) == (409, "planned_already")
    made = send("post", "monitoring-plans/", manager, {"site": str(new.pk), **WHY})
    assert (made.status_code, made.json()["trial"]) == (201, str(site.trial_id))


def test_a_flag_is_recorded_once_and_ended(world: World, doctor: User) -> None:
    path = f"patients/{world.patients[0].pk}/clinical-flags/"
    body = {"kind": "pregnancy", **WHY}
    made = send("post", path, doctor, body)
    assert (made.status_code, made.json()["author"]) == (201, str(doctor.pk))
    contrary = send("post", path, doctor, {"kind": "not_pregnant", **WHY})
    assert (contrary.status_code, contrary.json()["code"]) == (409, "flagged_already")
    end = f"clinical-flags/{made.json()['id']}/end/"
    ended = send("post", end, doctor, WHY, if_match=f'"{made.json()["version"]}"')
    assert ended.json()["to_at"] is not None
    again = send("post", end, doctor, WHY, if_match=f'"{ended.json()["version"]}"')
    assert (again.status_code, again.json()["code"]) == (409, "flag_has_ended")
    assert send("post", path, doctor, {"kind": "not_pregnant", **WHY}).status_code == 201


def test_a_flag_ends_after_it_begins(world: World, doctor: User) -> None:
    path = f"patients/{world.patients[0].pk}/clinical-flags/"
    span = {"from_at": "2026-02-02T00:00:00Z", "to_at": "2026-02-01T00:00:00Z"}
    answer = send("post", path, doctor, {"kind": "pregnancy", **span, **WHY})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_flag_span")


def test_a_patients_zone_is_changed_with_a_reason(world: World, doctor: User) -> None:
    path = f"patients/{world.patients[0].pk}/time-zones/"
    assert send("post", path, doctor, {"time_zone": "Asia/Shanghai"}).status_code == 400
    wrong = send("post", path, doctor, {"time_zone": "Mars/Base", **WHY})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_time_zone")
    key = {"idempotency_key": "0190a0a0-0000-7000-8000-000000000001"}
    for _ in range(2):
        made = send("post", path, doctor, {"time_zone": "Asia/Shanghai", **WHY}, **key)
        assert made.status_code == 201
    assert PatientZone.objects.filter(patient=world.patients[0]).count() == 1
    shown = Client().get(f"/api/v1/{path}", headers=bearer(doctor)).json()["results"]
    assert [zone["time_zone"] for zone in shown] == ["Asia/Shanghai"]


def test_the_desk_flags_a_patient_and_ends_the_flag(world: World, doctor: User) -> None:
    browser = signed_in(doctor)
    body = {
        "patient": world.patients[0].pk,
        "kind": "hypercapnic_target",
        "from_at": f"{clock.now():%Y-%m-%dT%H:%M}",
    }
    assert browser.post(address(ClinicalFlag, "add"), body | WHY).status_code == 302
    flag = ClinicalFlag.objects.get(kind="hypercapnic_target")
    page = address(ClinicalFlag, "change", flag.pk)
    assert browser.post(page, {"end_now": "on", **WHY}).status_code == 302
    flag.refresh_from_db()
    assert flag.to_at is not None


def test_the_desk_changes_a_plan_and_a_zone(world: World, manager: User, doctor: User) -> None:
    plan = world.monitoring_plans[0]
    body = {
        "setting": "inpatient",
        "news2_enabled": "on",
        "continuous_limit_minutes": 30,
        "observation_window_minutes": 30,
        "offline_grace_hours": 24,
        "fresh_for": '{"mood": 1}',
    }
    page = address(MonitoringPlan, "change", plan.pk)
    wrong = signed_in(manager).post(page, body | WHY)
    assert list(wrong.context["adminform"].form.errors) == ["fresh_for"]
    assert signed_in(manager).post(page, body | {"fresh_for": "{}"} | WHY).status_code == 302
    plan.refresh_from_db()
    assert plan.news2_enabled
    zone = {"patient": world.patients[0].pk, "time_zone": "Asia/Shanghai"}
    assert signed_in(doctor).post(address(PatientZone, "add"), zone | WHY).status_code == 302
    assert PatientZone.objects.get(patient=world.patients[0]).time_zone == "Asia/Shanghai"
