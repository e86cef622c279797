"""Closing a round over the API and at the desk."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from patients.models import MonitoringPlan, ObservationSet, Patient
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person, make_vital
from tests.portal.desk.world import signed_in

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
ROUND = {
    "respiratory_rate": (22, "/min"), "spo2": (97, "%"), "systolic_bp": (120, "mm[Hg]"),
    "pulse_rate": (70, "/min"), "temperature": (37, "Cel"),
}  # fmt: skip


@pytest.fixture
def doctor(world: World) -> User:
    return make_person(world, "ines", "principal_investigator", world.sites[0])


def observe(world: World) -> None:
    now = PartialDateTime(clock.now().isoformat())
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        MonitoringPlan.objects.filter(site=world.sites[0]).update(
            setting="inpatient", news2_enabled=True
        )
        Patient.objects.filter(pk=patient.pk).update(sex="M")
        for code, (value, unit) in ROUND.items():
            make_vital(patient, code=code, value=value, unit=unit, measured=now)
        for code, said in (("consciousness", "A"), ("supplemental_oxygen", "false")):
            make_vital(patient, code=code, value=None, unit="", coded_value=said, measured=now)


def call(method: str, world: World, person: User, path: str = "", index: int = 0) -> Any:
    address = f"/api/v1/patients/{world.patients[index].pk}/observation-sets/{path}"
    return Client().generic(method, address, b"{}", "application/json", headers=bearer(person))


def test_a_round_is_shown_before_it_is_closed(world: World, doctor: User) -> None:
    observe(world)
    shown = call("GET", world, doctor, "candidate/").json()
    assert (shown["score"], shown["band"], shown["missing"]) == (2, "low", [])
    assert not ObservationSet.objects.exists()
    made = call("POST", world, doctor)
    assert made.status_code == 201, made.content
    said = made.json()
    assert (said["aggregate"], said["sub_scores"]["respiratory_rate"]) == (2, 2)
    assert said["closed_by"] == str(doctor.pk)
    listed = call("GET", world, doctor).json()["results"]
    assert [one["id"] for one in listed] == [said["id"]]


def test_where_news2_is_off_nothing_is_closed(world: World, doctor: User) -> None:
    assert call("GET", world, doctor, "candidate/").json()["eligibility"] == "not_eligible_setting"
    refused = call("POST", world, doctor)
    assert (refused.status_code, refused.json()["code"]) == (409, "news2_not_enabled")
    assert call("POST", world, doctor, index=2).status_code == 404


@pytest.mark.parametrize("role", ["cra", "medical_monitor", "data_manager"])
def test_only_site_staff_close_a_round(world: World, role: str) -> None:
    observe(world)
    other = make_person(world, f"{role} at a round", role, world.trials[0])
    assert call("POST", world, other).status_code == 403


def test_a_round_is_closed_at_the_desk(world: World, doctor: User) -> None:
    observe(world)
    browser = signed_in(doctor)
    page = reverse("admin:patients_observationset_add")
    assert browser.get(page).status_code == 200
    answer = browser.post(
        page, {"patient": str(world.patients[0].pk), "change_reason": "Morning round"}
    )
    assert answer.status_code == 302, answer.content
    assert ObservationSet.objects.get().aggregate == 2
