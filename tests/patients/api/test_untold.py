"""What cannot be told of one patient takes nothing else from the wall, and is named."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from structlog.testing import capture_logs

from patients.models import MonitoringPlan, ObservationSet
from patients.wall import tiles as wall
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person, make_vital
from tests.patients.spoiling import spoil

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
TILES, FLOW = "/api/v1/wall/tiles/", "/api/v1/wall/data-flow/"
AT = PartialDateTime("2026-02-04T08:00:00Z")
Rows = dict[str, dict[str, Any]]


@pytest.fixture
def doctor(world: World) -> User:
    return make_person(world, "ines", "principal_investigator", world.sites[0])


def rows(world: World, person: User, path: str = TILES) -> Rows:
    """Return what is answered of the first site, by patient."""
    answer = Client().get(f"{path}?site={world.sites[0].pk}", headers=bearer(person))
    assert answer.status_code == 200, answer.content
    return {row["patient"]: row for row in answer.json()["results"]}


def others(found: Rows, world: World) -> Rows:
    return {
        patient: row | {"server_time": None}
        for patient, row in found.items()
        if patient != str(world.patients[0].pk)
    }


def stepped_over(logs: list[Any]) -> list[tuple[str, list[str]]]:
    return [
        (line["resource"], line["records"])
        for line in logs
        if line["event"] == "live_records_stepped_over"
    ]


def test_what_can_be_told_names_nothing(world: World, doctor: User) -> None:
    assert [row["untold"] for row in rows(world, doctor).values()] == [[], []]


@pytest.mark.parametrize(
    ("column", "value"),
    [("flags", "5"), ("flags", "[100000000000000000000]"), ("value", "NaN")],
)
def test_a_reading_that_cannot_be_told_is_named_by_its_code(
    world: World, doctor: User, column: str, value: str
) -> None:
    before = rows(world, doctor)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(world.patients[0], code="pulse_rate", value=70, unit="/min", measured=AT)
        broken = make_vital(world.patients[0], value="39.9", measured=AT)
    spoil("patients_vitalsign", column, broken.pk, value)
    with capture_logs() as logs:
        found = rows(world, doctor)
    tile = found[str(world.patients[0].pk)]
    # The temperature of the day before does not stand for the one that cannot be told.
    assert [one["code"] for one in tile["vitals"]] == ["pulse_rate"]
    assert tile["untold"] == ["temperature"]
    assert others(found, world) == others(before, world)
    assert stepped_over(logs) == [("vital_sign", [str(broken.pk)])]


def test_a_reading_that_cannot_be_read_is_named_by_its_code(world: World, doctor: User) -> None:
    before = rows(world, doctor)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(world.patients[0], code="pulse_rate", value=70, unit="/min", measured=AT)
        broken = make_vital(world.patients[0], value="39.9", measured=AT)
    spoil("patients_vitalsign", "received_at", broken.pk)
    with capture_logs() as logs:
        found = rows(world, doctor)
    patient = str(world.patients[0].pk)
    assert [one["code"] for one in found[patient]["vitals"]] == ["pulse_rate"]
    assert found[patient]["untold"] == ["last_received_at", "temperature"]
    assert found[patient]["last_received_at"] is None
    assert others(found, world) == others(before, world)
    assert stepped_over(logs) == [
        ("vital_sign", [f"{patient}/temperature"]),
        ("last_received_at", [patient]),
    ]


def test_alerts_that_cannot_be_told_are_no_alerts_of_none(world: World, doctor: User) -> None:
    before = rows(world, doctor)
    spoil("patients_alert", "due_at", world.alerts[0].pk)
    found = rows(world, doctor)
    tile = found[str(world.patients[0].pk)]
    assert (tile["alerts"], tile["untold"]) == (None, ["alerts"])
    assert others(found, world) == others(before, world)


def test_a_score_that_cannot_be_told_is_no_missing_score(world: World, doctor: User) -> None:
    before, now = rows(world, doctor), clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        made = ObservationSet.objects.create(
            patient=world.patients[0], closed_at=now, closed_by=doctor, taken_from=now,
            taken_until=now, eligibility="eligible", aggregate=7, band="high", algorithm="news2",
            algorithm_version="1.0",
        )  # fmt: skip
    spoil("patients_observationset", "expires_at", made.pk)
    found = rows(world, doctor)
    tile = found[str(world.patients[0].pk)]
    assert (tile["news2"], tile["untold"]) == (None, ["news2"])
    assert others(found, world) == others(before, world)


def test_an_age_that_is_no_number_leaves_open_whether_there_may_be_a_score(
    world: World, doctor: User
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        MonitoringPlan.objects.update_or_create(
            site=world.sites[0], defaults={"setting": "inpatient", "news2_enabled": True}
        )
    spoil("patients_patient", "age", world.patients[0].pk, "NaN")
    tile = rows(world, doctor)[str(world.patients[0].pk)]
    assert (tile["news2_eligibility"], tile["untold"]) == (
        "not_eligible_unknown", ["news2_eligibility"],
    )  # fmt: skip


def test_a_plan_that_nobody_understands_leaves_its_site_with_what_is_usual(
    world: World, doctor: User
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        plan = MonitoringPlan.objects.update_or_create(
            site=world.sites[0], defaults={"fresh_for": ["temperature"]}
        )[0]
    with capture_logs() as logs:
        tile = rows(world, doctor)[str(world.patients[0].pk)]
    assert tile["vitals"][0]["fresh_for_seconds"] == 14_400
    assert stepped_over(logs) == [("monitoring_plan", [str(plan.pk)])]


def test_the_flow_of_data_names_what_it_cannot_tell(world: World) -> None:
    monitor = make_person(world, "ana", "cra", world.sites[0])
    before = rows(world, monitor, FLOW)
    spoil("patients_vitalsign", "received_at", world.vitals[0].pk)
    found = rows(world, monitor, FLOW)
    row = found[str(world.patients[0].pk)]
    assert (row["last_received_at"], row["untold"]) == (None, ["last_received_at"])
    assert others(found, world) == others(before, world)


def test_a_database_that_is_away_is_no_fault_of_a_patient(
    world: World, doctor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is named as broken: the wall says that it could not be renewed."""

    def refuse(*_asked: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(wall, "standing", refuse)
    answer = Client().get(f"{TILES}?site={world.sites[0].pk}", headers=bearer(doctor))
    assert answer.status_code == 503
