"""The live wall: values for clinicians, the flow of data for monitors, nothing from elsewhere."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from patients.models import Alert, MonitoringPlan, ObservationSet, PatientSite, VitalSign
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.fixtures import undone, world
from tests.access.walker import NEVER_MADE
from tests.access.world import World, add_patient, bearer, make_person, make_vital

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
TILES, FLOW = "/api/v1/wall/tiles/", "/api/v1/wall/data-flow/"


@pytest.fixture
def doctor(world: World) -> User:
    return make_person(world, "ines", "principal_investigator", world.sites[0])


def get(path: str, person: User) -> Any:
    return Client().get(path, headers=bearer(person))


def tile(world: World, person: User, index: int = 0) -> dict[str, Any]:
    answer = get(f"{TILES}?site={world.sites[0].pk}", person)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = next(
        row for row in answer.json()["results"] if row["patient"] == str(world.patients[index].pk)
    )
    return found


def plan(world: World, **values: Any) -> MonitoringPlan:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        return MonitoringPlan.objects.update_or_create(
            site=world.sites[0], defaults={"setting": "inpatient", **values}
        )[0]


def test_a_tile_shows_the_latest_reading_of_each_code_and_position(
    world: World, doctor: User
) -> None:
    at = PartialDateTime("2026-02-04T08:00:00Z")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(world.patients[0], value="36.9", measured=at)
        make_vital(world.patients[0], value="38.1", measured=at, status="entered_in_error")
        for position, value in (("supine", 82), ("standing", 96)):
            make_vital(
                world.patients[0], code="heart_rate", value=value, unit="/min", position=position,
                measured=at,
            )  # fmt: skip
    shown = {(one["code"], one.get("position")): one for one in tile(world, doctor)["vitals"]}
    assert {key: one["value"] for key, one in shown.items()} == {
        ("temperature", None): 36.9,
        ("heart_rate", "supine"): 82,
        ("heart_rate", "standing"): 96,
    }
    assert shown["temperature", None] | {"reading": ""} == {
        "reading": "", "version": 1, "status": "final",
        "code": "temperature", "value": 36.9, "unit": "Cel",
        "measured_at": "2026-02-04T08:00:00Z", "received_at": "2026-01-05T08:00:00Z",
        "fresh_for_seconds": 14400,
    }  # fmt: skip


def test_a_position_that_was_not_taken_within_a_day_of_the_latest_is_not_on_a_tile(
    world: World, doctor: User
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for position, value, when in (
            ("supine", 80, "2026-02-04T07:00:00Z"),
            ("standing", 91, "2026-02-04T09:00:00Z"),
            ("sitting", 84, "2026-02-05T08:00:00Z"),
        ):
            make_vital(
                world.patients[0], code="heart_rate", value=value, unit="/min", position=position,
                measured=PartialDateTime(when),
            )  # fmt: skip
    shown = tile(world, doctor)["vitals"]
    rates = [(one["position"], one["value"]) for one in shown if one["code"] == "heart_rate"]
    assert rates == [("sitting", 84), ("standing", 91)]


def test_what_is_measured_at_visits_only_is_not_on_a_tile(world: World, doctor: User) -> None:
    at = PartialDateTime("2026-02-04T08:00:00Z")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(world.patients[0], code="weight", value=71, unit="kg", measured=at)
    assert {one["code"] for one in tile(world, doctor)["vitals"]} == {"temperature"}


def test_tiles_are_compressed_for_who_takes_it(world: World, doctor: User) -> None:
    path = f"{TILES}?site={world.sites[0].pk}"
    plain = get(path, doctor)
    packed = Client().get(path, headers=bearer(doctor) | {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    rows = json.loads(gzip.decompress(packed.content))["results"]
    now = plain.json()["results"][0]["server_time"]
    assert [row | {"server_time": now} for row in rows] == [
        row | {"server_time": now} for row in plain.json()["results"]
    ]


def test_nothing_is_shown_of_who_was_transferred_away(world: World, doctor: User) -> None:
    patient, at = world.patients[0], clock.now()
    monitor = make_person(world, "ana", "cra", world.sites[0])
    with acting(by=SYSTEM_ACCOUNT, reason="moved house"):
        PatientSite.objects.filter(patient=patient).update(to_at=at)
        PatientSite.objects.create(patient=patient, site=world.sites[1], from_at=at)
        type(patient).objects.filter(pk=patient.pk).update(site=world.sites[1])

    for path, person in ((TILES, doctor), (FLOW, monitor)):
        shown = {row["patient"] for row in get(path, person).json()["results"]}
        assert shown == {str(world.patients[1].pk)}


def test_a_plan_says_how_long_a_reading_is_fresh(world: World, doctor: User) -> None:
    plan(world, fresh_for={"temperature": 600})
    assert tile(world, doctor)["vitals"][0]["fresh_for_seconds"] == 600


def test_a_set_stands_until_it_expires_and_without_a_plan_there_is_none(
    world: World, doctor: User
) -> None:
    shown = tile(world, doctor)
    assert (shown["news2"], shown["news2_eligibility"]) == (None, "not_eligible_setting")
    plan(world, news2_enabled=True)
    assert tile(world, doctor)["news2_eligibility"] == "not_eligible_unknown"
    now = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        made = ObservationSet.objects.create(
            patient=world.patients[0],
            closed_at=now,
            closed_by=doctor,
            taken_from=now,
            taken_until=now,
            eligibility="eligible",
            aggregate=7,
            band="high",
            algorithm="news2",
            algorithm_version="1.0",
            expires_at=now + timedelta(hours=1),
        )
    assert tile(world, doctor)["news2"] == {
        "score": 7, "band": "high", "complete": True, "missing": [], "set": str(made.pk),
        "expires_at": made.expires_at.isoformat().replace("+00:00", "Z"),
        "algorithm": "news2 1.0",
    }  # fmt: skip
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        ObservationSet.objects.filter(pk=made.pk).update(expires_at=now)
    old = tile(world, doctor)["news2"]
    assert (old["score"], old["band"], old["complete"], len(old["missing"])) == (
        None, None, False, 7,
    )  # fmt: skip


def test_alerts_are_counted_by_how_they_stand(world: World, doctor: User) -> None:
    assert tile(world, doctor)["alerts"] == {
        "open": 1, "unacknowledged": 1, "overdue": 1, "next_due_at": None,
        "highest_severity": "minor",
    }  # fmt: skip
    due = clock.now() + timedelta(minutes=5)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Alert.objects.filter(pk=world.alerts[0].pk).update(due_at=due)
    stands = tile(world, doctor)["alerts"]
    assert stands["overdue"] == 0
    assert stands["next_due_at"] == due.isoformat().replace("+00:00", "Z")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Alert.objects.filter(pk=world.alerts[0].pk).update(
            state="acknowledged", acknowledged_at=clock.now(), acknowledged_by=doctor
        )
    assert tile(world, doctor)["alerts"] == {
        "open": 1, "unacknowledged": 0, "overdue": 0, "next_due_at": None,
        "highest_severity": "minor",
    }  # fmt: skip


@pytest.mark.parametrize("path", [TILES, FLOW])
def test_a_place_out_of_scope_is_answered_like_one_that_never_was(
    world: World, doctor: User, path: str
) -> None:
    for asked in (
        f"site={world.sites[1].pk}",
        f"site={NEVER_MADE}",
        f"trial={world.trials[1].pk}",
        f"trial={NEVER_MADE}",
    ):
        assert get(f"{path}?{asked}", doctor).status_code == 404
    of_trial = get(f"{path}?trial={world.trials[0].pk}", doctor).json()["results"]
    assert {row["site"] for row in of_trial} == {str(world.sites[0].pk)}


@pytest.mark.parametrize("role", ["cra", "data_manager", "trial_manager", "safety_officer"])
def test_who_may_not_monitor_sees_the_flow_of_data_and_no_value(world: World, role: str) -> None:
    monitor = make_person(world, f"{role} at the wall", role, world.trials[0])
    assert get(f"{TILES}?trial={world.trials[0].pk}", monitor).status_code == 403
    answer = get(f"{FLOW}?trial={world.trials[0].pk}", monitor)
    row = next(
        one for one in answer.json()["results"] if one["patient"] == str(world.patients[0].pk)
    )
    assert row.keys() == {
        "id", "patient", "subject_number", "trial", "site", "participation", "last_received_at",
        "missing_days", "late_reports", "open_findings", "quarantined", "untold", "server_time",
    }  # fmt: skip
    assert (row["open_findings"], row["missing_days"], row["quarantined"]) == (1, 0, 0)
    assert row["last_received_at"] == "2026-01-05T08:00:00Z"


@pytest.mark.parametrize("path", [TILES, FLOW])
def test_more_patients_need_no_more_queries(world: World, doctor: User, path: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert get(f"{path}?site={world.sites[0].pk}", doctor).status_code == 200
        return len(queries)

    before = asked()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for number in range(5):
            add_patient(world, world.sites[0], f"more-{number}")
    try:
        assert asked() == before
    finally:
        for kept in (world.patients, world.vitals, world.findings, world.entries, world.alerts):
            del kept[-5:]


def test_a_reading_of_yesterday_is_shown_with_its_age_and_not_hidden(
    world: World, doctor: User
) -> None:
    assert VitalSign.objects.filter(patient=world.patients[0]).exists()
    shown = tile(world, doctor)
    assert shown["vitals"][0]["measured_at"] == "2026-02-03"
    assert shown["server_time"] > shown["last_received_at"]
