"""Charts: each reading where they are few, honest buckets where they are many."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.http import urlencode

from patients.models import MonitoringPlan, VitalSign, VitalsUpload
from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.world import bearer, make_person, make_vital
from tests.patients.pipeline.uploads import NOW, Ward, make_ward, pulse, run

pytestmark = pytest.mark.django_db
AN_HOUR = {"since": NOW.isoformat(), "until": (NOW + timedelta(hours=1)).isoformat()}


@pytest.fixture
def ward(db: None) -> Ward:
    return make_ward()


@pytest.fixture
def doctor(ward: Ward) -> User:
    return make_person(ward.world, "ines", "principal_investigator", ward.world.sites[0])


def ask(ward: Ward, person: User, index: int = 0, **asked: Any) -> Any:
    patient = ward.world.patients[index]
    path = f"/api/v1/patients/{patient.pk}/vitals/series/?{urlencode(asked)}"
    return Client().get(path, headers=bearer(person))


def series(ward: Ward, person: User, **asked: Any) -> dict[str, Any]:
    answer = ask(ward, person, **{"code": "heart_rate", **AN_HOUR, **asked})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def sampled(ward: Ward, seconds: range, value: Any = 70, **more: Any) -> VitalsUpload:
    return ward.vitals(
        [
            pulse(
                value(second) if callable(value) else value,
                NOW + timedelta(seconds=second),
                method="continuous",
                **more,
            )
            for second in seconds
        ]
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_few_readings_are_told_one_by_one_with_what_is_odd_about_them(
    ward: Ward, doctor: User
) -> None:
    run(
        ward.vitals(
            [
                pulse(70, NOW + timedelta(seconds=3), position="sitting"),
                pulse(999, NOW + timedelta(seconds=4)),
                pulse(71, NOW + timedelta(seconds=5), status="artifact"),
                pulse(40, NOW + timedelta(seconds=6), comparator="<"),
            ]
        )
    )
    found = series(ward, doctor)
    assert (found["bucket_seconds"], found["buckets"], found["unit"]) == (None, [], "/min")
    shown = [
        (one["value"], one["status"], one["comparator"], one["position"], one["flags"])
        for one in found["readings"]
    ]
    assert shown == [
        (70, "final", "", "sitting", []),
        (999, "final", "", "", ["implausible"]),
        (71, "artifact", "", "", []),
        (40, "final", "<", "", []),
    ]


def test_a_sample_is_told_once_though_it_is_a_vital_sign_too(ward: Ward, doctor: User) -> None:
    run(sampled(ward, range(5)))
    assert VitalSign.objects.filter(code="heart_rate").count() == 1
    assert [one["is_sample"] for one in series(ward, doctor)["readings"]] == [True] * 5


def test_many_samples_are_told_in_buckets_and_gaps_are_gaps(ward: Ward, doctor: User) -> None:
    run(sampled(ward, range(120), lambda second: 60 + second % 60))
    run(sampled(ward, range(600, 630), 90), sampled(ward, range(630, 640), 400))
    run(ward.vitals([pulse(100, NOW + timedelta(seconds=30))]))
    found = series(ward, doctor, points=60)
    assert (found["bucket_seconds"], found["readings"]) == (60, [])
    first, second, third = found["buckets"]
    assert (first["min"], first["max"], first["n"], first["last"]) == (60, 119, 61, 119)
    assert first["mean"] == pytest.approx((sum(range(60, 120)) + 100) / 61)
    assert (second["min"], second["max"], second["n"], second["mean"]) == (60, 119, 60, 89.5)
    assert at(third["at"]) == NOW + timedelta(minutes=10)
    assert (third["min"], third["max"], third["n"], third["marked"]) == (90, 90, 30, 10)


@pytest.mark.parametrize(
    ("hours", "points", "width"),
    [
        (1, 500, 10),
        (24, 500, 300),
        (8760, 500, 86400),
        (8760, 2000, 21600),
        (24 * 3650, 100, 604800 * 6),
    ],
)
def test_buckets_are_as_wide_as_the_points_ask_for(
    ward: Ward, doctor: User, hours: int, points: int, width: int
) -> None:
    run(sampled(ward, range(500)), sampled(ward, range(500, 1000)))
    run(sampled(ward, range(1000, 1500)), sampled(ward, range(1500, 2000)))
    run(sampled(ward, range(2000, 2100)))
    until = NOW + timedelta(hours=1)
    since = until - timedelta(hours=hours)
    found = series(ward, doctor, points=points, since=since.isoformat(), until=until.isoformat())
    assert found["bucket_seconds"] == width
    assert sum(one["n"] for one in found["buckets"]) == 2100
    assert len(found["buckets"]) <= points + 1


def test_a_reading_withdrawn_or_outside_consent_is_not_drawn(ward: Ward, doctor: User) -> None:
    withdrawn = ward.vitals([pulse(70, NOW)])
    sealed, sealed_samples = ward.vitals([pulse(80, NOW)]), sampled(ward, range(3))
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        VitalsUpload.objects.filter(pk__in=[sealed.pk, sealed_samples.pk]).update(
            disposition="outside_consent"
        )
    run(withdrawn, sealed, sealed_samples)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        VitalSign.objects.filter(vitals_upload=withdrawn).update(status="entered_in_error")
    found = series(ward, doctor)
    assert (found["readings"], found["buckets"]) == ([], [])


def test_a_date_without_a_time_stands_at_its_earliest_instant(ward: Ward, doctor: User) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(ward.patient, measured=PartialDateTime("2026-03-05"))
    day = {"since": "2026-03-04T00:00:00Z", "until": "2026-03-07T00:00:00Z"}
    (one,) = series(ward, doctor, code="temperature", **day)["readings"]
    assert one["at"] == "2026-03-04T10:00:00Z"  # where the day begins first


def test_levels_of_rules_and_bands_stand_beside_the_values(ward: Ward, doctor: User) -> None:
    ward.rule("threshold", "fast", code="heart_rate", direction="above", set=130, reset=120)
    ward.rule("threshold", "cold", code="temperature", direction="below", set=35, reset=36)
    found = series(ward, doctor)
    assert [(one["rule_name"], one["set"], one["reset"]) for one in found["thresholds"]] == [
        ("fast", 130, 120)
    ]
    assert found["news2_bands"] == []
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        MonitoringPlan.objects.filter(site=ward.world.sites[0]).update(
            setting="inpatient", news2_enabled=True
        )
    bands = series(ward, doctor)["news2_bands"]
    assert bands[0] == {"above": None, "up_to": 40, "points": 3}
    assert bands[-1] == {"above": 130, "up_to": None, "points": 3}
    assert series(ward, doctor, code="weight")["news2_bands"] == []


@pytest.mark.parametrize(
    ("asked", "pointer", "code"),
    [
        ({"code": "consciousness"}, "/code", "invalid_choice"),
        ({"since": "2026-11-20"}, "/since", "offset"),
        ({"until": NOW.isoformat()}, "/until", "order"),
        ({"points": "9"}, "/points", "min_value"),
        ({"points": "2001"}, "/points", "max_value"),
        ({"points": "1e2"}, "/points", "invalid"),
        ({"limit": "5"}, "/limit", "unknown_parameter"),
    ],
)
def test_what_cannot_be_asked(
    ward: Ward, doctor: User, asked: dict[str, str], pointer: str, code: str
) -> None:
    answer = ask(ward, doctor, **{**AN_HOUR, **asked})
    assert answer.status_code == 400
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


def test_another_sites_patient_does_not_exist(ward: Ward, doctor: User) -> None:
    assert ask(ward, doctor, 2, code="heart_rate").status_code == 404
