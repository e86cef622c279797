"""NEWS2 from stored readings, through the services (NW-01 to NW-10, domain.md 7)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from patients.models import (
    ClinicalFlag,
    MonitoringPlan,
    ObservationSet,
    Patient,
    Score,
    VitalSign,
)
from patients.services import observation_sets
from patients.services.vital_signs import correct_vital_sign, record_vital_sign
from patients.topics import tell_sets
from portal.accounts.models import User
from portal.core.history import Source, acting, under
from portal.core.ids import PIPELINE_ACCOUNT, SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from portal.live.models import PendingUpdate
from portal.outbox.drain import drain_outbox
from tests.access.world import make_person, make_vital
from tests.patients.pipeline.uploads import NOW, Ward, pulse, run
from tests.patients.pipeline.uploads import make_ward as make

pytestmark = pytest.mark.django_db
NORMAL = {
    "respiratory_rate": ("16", "/min"),
    "spo2": ("97", "%"),
    "supplemental_oxygen": ("false", ""),
    "systolic_bp": ("120", "mm[Hg]"),
    "pulse_rate": ("70", "/min"),
    "consciousness": ("A", ""),
    "temperature": ("37.0", "Cel"),
}
# A code and its unit, then each value with its points and, where it is rounded, what is charted.
CHART = """
respiratory_rate /min 8:3 9:1 11:1 12:0 20:0 21:2 24:2 25:3
spo2 % 91:3 92:2 93:2 94:1 95:1 96:0 95.4:1:95 95.5:0:96
systolic_bp mm[Hg] 90:3 91:2 100:2 101:1 110:1 111:0 219:0 220:3
systolic_bp kPa 12.0:3:90
pulse_rate /min 40:3 41:1 50:1 51:0 90:0 91:1 110:1 111:2 130:2 131:3
temperature Cel 35.0:3 35.04:3:35.0 35.05:1:35.1 36.0:1 36.04:1:36.0 36.05:0:36.1
temperature Cel 38.0:0 38.04:0:38.0 38.05:1:38.1 39.0:1 39.04:1:39.0 39.05:2:39.1
temperature [degF] 96.9:0:36.1
consciousness - C:3 V:3 P:3 U:3
supplemental_oxygen - true:2:oxygen
"""


def edges() -> Iterator[tuple[str, str, str, int, str]]:
    for line in CHART.split("\n")[1:-1]:
        code, unit, *values = line.split()
        for value in values:
            text, points, *charted = value.split(":")
            yield code, text, unit.strip("-"), int(points), charted[0] if charted else text


@pytest.fixture(autouse=True)
def through_the_api() -> Iterator[None]:
    with under(source=Source.API):
        yield


@pytest.fixture
def ward(db: None) -> Ward:
    ward = make()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        MonitoringPlan.objects.filter(site=ward.world.sites[0]).update(
            setting="inpatient", news2_enabled=True, continuous_limit_minutes=20
        )
        Patient.objects.filter(pk=ward.patient.pk).update(sex="M")
    return ward


@pytest.fixture
def ines(ward: Ward) -> User:
    return make_person(ward.world, "ines", "principal_investigator", ward.world.sites[0])


def record(
    ward: Ward, ines: User, at: datetime, values: dict[str, tuple[str, str]]
) -> dict[str, VitalSign]:
    return {
        code: record_vital_sign(
            patient=ward.patient,
            code=code,
            facts={
                "original_value": value,
                "original_unit": unit,
                "measured": PartialDateTime(at.isoformat()),
            },
            by=ines,
            at=at,
            reason="round",
        )
        for code, (value, unit) in values.items()
    }


def close(ward: Ward, ines: User, at: datetime) -> ObservationSet:
    return observation_sets.close_observation_set(patient=ward.patient, by=ines, at=at)


def flag(ward: Ward, ines: User, kind: str) -> None:
    with acting(by=ines, reason="test"):
        ClinicalFlag.objects.create(
            patient=ward.patient, kind=kind, author=ines, from_at=NOW - timedelta(days=1)
        )


@pytest.mark.req("NW-01", "NW-10", "NW-06")
def test_every_edge_of_the_chart_scores_as_printed(ward: Ward, ines: User) -> None:
    at = NOW - timedelta(days=10)
    for code, value, unit, points, charted in edges():
        at += timedelta(hours=2)
        record(ward, ines, at, {**NORMAL, code: (value, unit)})
        made = close(ward, ines, at + timedelta(minutes=5))
        name = "pulse" if code == "pulse_rate" else code
        assert (made.sub_scores[name], made.rounded_inputs[name]) == (points, charted), value
        assert (made.aggregate, made.missing) == (points, [])
        assert (made.algorithm, made.algorithm_version) == ("news2", "1.0")
    assert VitalSign.objects.filter(code="temperature", value=Decimal("36.05")).exists()


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(
    ("values", "score", "band", "minutes"),
    [
        ({}, 0, "low", 720),
        ({"pulse_rate": ("91", "/min")}, 1, "low", 240),
        ({"consciousness": ("C", "")}, 3, "low_medium", 60),
        ({"consciousness": ("C", ""), "supplemental_oxygen": ("true", "")}, 5, "medium", 60),
        (
            {
                "consciousness": ("C", ""),
                "respiratory_rate": ("25", "/min"),
                "temperature": ("38.5", "Cel"),
            },
            7,
            "high",
            20,
        ),
    ],
)
def test_a_set_stands_until_the_next_observation_is_due(
    ward: Ward,
    ines: User,
    values: dict[str, tuple[str, str]],
    score: int,
    band: str,
    minutes: int,
) -> None:
    record(ward, ines, NOW, {**NORMAL, **values})
    made = close(ward, ines, NOW + timedelta(minutes=1))
    assert (made.aggregate, made.band) == (score, band)
    assert made.expires_at == NOW + timedelta(minutes=minutes)
    score_row = Score.objects.get(observation_set=made)
    assert (score_row.name, score_row.value, score_row.band) == ("news2", score, band)


@pytest.mark.req("NW-04", "NW-05")
def test_what_is_missing_or_too_old_is_no_zero(ward: Ward, ines: User) -> None:
    record(ward, ines, NOW - timedelta(minutes=31), {"temperature": ("37", "Cel")})
    record(ward, ines, NOW, {k: v for k, v in NORMAL.items() if k != "temperature"})
    made = close(ward, ines, NOW)
    assert (made.aggregate, made.missing, made.expires_at) == (None, ["temperature"], None)


@pytest.mark.req("NW-07")
@pytest.mark.parametrize(
    ("facts", "kind", "eligibility"),
    [
        ({"age": 15}, "", "not_eligible_age"),
        ({"age": None}, "", "not_eligible_unknown"),
        ({"sex": "F"}, "", "not_eligible_unknown"),
        ({"sex": "F"}, "not_pregnant", "eligible"),
        ({"sex": "F"}, "pregnancy", "not_eligible_pregnant"),
        ({}, "spinal_cord_injury", "not_eligible_spinal_cord_injury"),
        ({"age": 16}, "", "eligible"),
    ],
)
def test_who_is_not_eligible_has_no_score_and_the_set_says_why(
    ward: Ward, ines: User, facts: dict[str, Any], kind: str, eligibility: str
) -> None:
    with acting(by=ines, reason="test"):
        Patient.objects.filter(pk=ward.patient.pk).update(**facts)
    if kind:
        flag(ward, ines, kind)
    record(ward, ines, NOW, NORMAL)
    made = close(ward, ines, NOW)
    assert made.eligibility == eligibility
    assert (made.aggregate is not None) == (eligibility == "eligible")


@pytest.mark.req("NW-03")
def test_scale_2_and_old_confusion_are_a_clinicians_flags(ward: Ward, ines: User) -> None:
    low = {**NORMAL, "spo2": ("88", "%"), "consciousness": ("C", "")}
    record(ward, ines, NOW, low)
    assert close(ward, ines, NOW).aggregate == 6
    flag(ward, ines, "hypercapnic_target")
    flag(ward, ines, "baseline_confusion")
    made = close(ward, ines, NOW)
    assert (made.aggregate, made.spo2_scale, made.rounded_inputs["consciousness"]) == (0, 2, "A")


def test_without_a_plan_there_is_no_set_and_without_readings_neither(
    ward: Ward, ines: User
) -> None:
    with pytest.raises(observation_sets.NothingObserved):
        close(ward, ines, NOW)
    with acting(by=ines, reason="test"):
        MonitoringPlan.objects.update(news2_enabled=False)
    record(ward, ines, NOW, NORMAL)
    with pytest.raises(observation_sets.News2NotEnabled):
        close(ward, ines, NOW)


def test_a_reading_of_a_phone_is_never_scored(ward: Ward, ines: User) -> None:
    run(ward.report(vitals=[pulse(150, NOW, originator="device")]))
    record(ward, ines, NOW, {k: v for k, v in NORMAL.items() if k != "pulse_rate"})
    assert close(ward, ines, NOW + timedelta(seconds=10)).missing == ["pulse"]


def test_a_monitor_gives_the_median_of_its_last_minute(ward: Ward, ines: User) -> None:
    samples = [70] * 30 + [118] * 61
    run(
        ward.vitals(
            [
                pulse(value, NOW + timedelta(seconds=second), method="continuous")
                for second, value in enumerate(samples)
            ]
            + [pulse(0, NOW + timedelta(seconds=89), method="continuous", status="artifact")]
        )
    )
    record(ward, ines, NOW, {k: v for k, v in NORMAL.items() if k != "pulse_rate"})
    made = close(ward, ines, NOW + timedelta(seconds=90))
    assert made.inputs["pulse"] == {"reading": "samples:heart_rate", "value": "118.000000"}
    assert (made.sub_scores["pulse"], made.aggregate) == (2, 2)


def test_a_band_fires_and_a_correction_takes_it_back(ward: Ward, ines: User) -> None:
    ward.rule("news2", aggregate=5, single_three=True)
    made = record(ward, ines, NOW, {**NORMAL, "respiratory_rate": ("25", "/min")})
    held = close(ward, ines, NOW)
    drain_outbox()
    (alert,) = ward.patient_alerts()
    assert (alert.kind, alert.facts["value"]) == ("news2", "3")
    correct_vital_sign(
        vital_sign=made["respiratory_rate"],
        facts={"original_value": "15"},
        by=ines,
        at=NOW + timedelta(minutes=3),
        reason="misread",
    )
    drain_outbox()
    held.refresh_from_db()
    assert (held.aggregate, held.sub_scores["respiratory_rate"], held.version) == (0, 0, 2)
    assert alert.breaches.get().withdrawn_at is not None
    assert Score.objects.get(observation_set=held, superseded_at=None).value == 0
    correct_vital_sign(
        vital_sign=made["temperature"],
        facts={"status": "entered_in_error"},
        by=ines,
        at=NOW + timedelta(minutes=4),
        reason="another patient",
    )
    held.refresh_from_db()
    assert (held.aggregate, held.missing) == (None, ["temperature"])


def test_walls_are_told_of_a_set_and_again_when_it_has_expired(ward: Ward, ines: User) -> None:
    record(ward, ines, NOW, NORMAL)
    PendingUpdate.objects.all().delete()
    made = close(ward, ines, NOW)
    (told,) = PendingUpdate.objects.filter(resource="observation_set")
    (telling,) = tell_sets(told.records)
    assert telling.data["news2"]["set"] == made.pk
    assert telling.data["patient"] == ward.patient.pk
    late = NOW + timedelta(hours=12)
    assert observation_sets.expire_sets(by=PIPELINE_ACCOUNT, at=NOW, reason="x") == 0
    assert observation_sets.expire_sets(by=PIPELINE_ACCOUNT, at=late, reason="x") == 1
    assert observation_sets.expire_sets(by=PIPELINE_ACCOUNT, at=late, reason="x") == 0
    assert PendingUpdate.objects.filter(resource="observation_set").count() == 2
    (telling,) = tell_sets(told.records)
    assert telling.data["news2"]["score"] is None


def test_what_staff_enter_meets_the_rules_like_what_devices_send(ward: Ward, ines: User) -> None:
    ward.rule("threshold", code="temperature", direction="above", set=39, reset=38)
    made = record(ward, ines, NOW, {"temperature": ("39.6", "Cel")})["temperature"]
    assert PendingUpdate.objects.filter(records__contains=[made.pk]).exists()
    drain_outbox()
    (alert,) = ward.patient_alerts()
    record(ward, ines, NOW + timedelta(minutes=5), {"temperature": ("39.7", "Cel")})
    drain_outbox()
    drain_outbox()
    assert [one.pk for one in ward.patient_alerts()] == [alert.pk]
    assert [(one.has_fired) for one in alert.breaches.order_by("observed_at")] == [True, False]
    correct_vital_sign(
        vital_sign=made,
        facts={"original_value": "36.9"},
        by=ines,
        at=NOW + timedelta(minutes=6),
        reason="misread",
    )
    drain_outbox()
    first, second = alert.breaches.order_by("observed_at")
    assert (first.withdrawn_at is not None, second.has_fired) == (True, True)


def test_an_old_reading_that_staff_enter_is_reported_late(ward: Ward, ines: User) -> None:
    ward.rule("threshold", code="temperature", direction="above", set=39, reset=38)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(ward.patient)
    record_vital_sign(
        patient=ward.patient,
        code="temperature",
        facts={
            "original_value": "40",
            "original_unit": "Cel",
            "measured": PartialDateTime("2026-11-18"),
        },
        by=ines,
        at=NOW,
        reason="from the chart",
    )
    drain_outbox()
    (alert,) = ward.patient_alerts()
    assert alert.reported_late
