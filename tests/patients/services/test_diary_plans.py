"""Diary days: one window a local day, missed after the grace, reopened, moved with the patient."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from patients.models import DiaryAssignment, Exposure, Patient, PatientZone
from patients.services.diaries import miss_diaries
from patients.services.diary_plans import UnknownTimeZone, change_zone, plan_diaries
from portal.accounts.models import User
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.world import make_person
from tests.patients.pipeline.uploads import Ward, make_ward, run
from trials.models import InstrumentSchedule, ProtocolVersion

pytestmark = pytest.mark.django_db
EIGHT, TEN = time(8), time(10)


@pytest.fixture
def ward(db: None) -> Ward:
    ward = make_ward()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Patient.objects.filter(pk=ward.patient.pk).update(participation="enrolled")
        InstrumentSchedule.objects.create(
            trial_id=ward.patient.trial_id,
            protocol_version=ProtocolVersion.objects.get(trial=ward.patient.trial_id),
            oid="IS.DIARY",
            instrument=ward.diary,
            opens_local=EIGHT,
            closes_local=TEN,
        )
        type(ward.world.sites[0]).objects.filter(pk=ward.world.sites[0].pk).update(
            time_zone="Europe/Paris"
        )
    return ward


@pytest.fixture
def ines(ward: Ward) -> User:
    return make_person(ward.world, "ines", "principal_investigator", ward.world.sites[0])


def days(ward: Ward) -> list[DiaryAssignment]:
    return list(DiaryAssignment.objects.filter(patient=ward.patient).order_by("local_day"))


def live_through(ward: Ward, first: datetime, count: int, every: int = 12) -> None:
    for number in range(count * 24 // every):
        plan_diaries(at=first + timedelta(hours=every * number))


@pytest.mark.req("F84")
@pytest.mark.parametrize(
    ("zone", "change", "skipped"),
    [
        ("Europe/Paris", date(2027, 3, 28), 0),
        ("Europe/Paris", date(2026, 10, 25), 0),
        ("America/New_York", date(2027, 3, 14), 0),
        ("America/New_York", date(2026, 11, 1), 0),
        ("Australia/Lord_Howe", date(2027, 4, 4), 0),
        ("America/Santiago", date(2027, 4, 4), 0),
        ("Pacific/Apia", date(2011, 12, 30), 1),
        ("Asia/Kathmandu", date(2027, 1, 1), 0),
    ],
)
def test_each_local_day_has_one_window_at_eight(
    ward: Ward, zone: str, change: date, skipped: int
) -> None:
    first = datetime.combine(change - timedelta(days=2), time(3), UTC)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PatientZone.objects.create(patient=ward.patient, time_zone=zone, from_at=first)
        began = PartialDateTime(first.date().isoformat())
        Exposure.objects.filter(patient=ward.patient).update(started=began)
    live_through(ward, first, 4)
    found = days(ward)
    today = first.astimezone(ZoneInfo(zone)).date()
    last = found[-1].local_day
    assert len(found) == (last - today).days + 1 - skipped
    for row in found:
        local = row.opens_at.astimezone(ZoneInfo(zone))
        assert (local.date(), local.time()) == (row.local_day, EIGHT)
        assert (row.time_zone, row.state) == (zone, "scheduled")


@pytest.mark.req("F85")
def test_a_journey_loses_and_doubles_no_window(ward: Ward, ines: User) -> None:
    now = datetime(2026, 11, 20, 5, tzinfo=UTC)
    journey = ["Asia/Tokyo", "Pacific/Auckland", "America/Los_Angeles", "Europe/Paris"]
    for zone in journey:
        plan_diaries(at=now)
        change_zone(patient=ward.patient, time_zone=zone, by=ines, at=now, reason="travels")
        now += timedelta(hours=31)
    plan_diaries(at=now)
    found = days(ward)
    assert [row.local_day for row in found] == [
        date(2026, 11, 20) + timedelta(days=n) for n in range(len(found))
    ]
    assert all(one.opens_at < two.opens_at for one, two in pairwise(found))
    history = TRACKED[PatientZone]._default_manager.order_by("pgh_id")
    assert [(row.time_zone, row.acted_by, row.acted_reason) for row in history] == [
        (zone, ines.pk, "travels") for zone in journey
    ]


def test_a_zone_that_does_not_exist_is_refused(ward: Ward, ines: User) -> None:
    now = datetime(2026, 11, 20, 5, tzinfo=UTC)
    with pytest.raises(UnknownTimeZone):
        change_zone(patient=ward.patient, time_zone="Mars/Base", by=ines, at=now, reason="moves")


def test_only_who_takes_part_has_days_and_who_leaves_is_excused(ward: Ward) -> None:
    now = datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert plan_diaries(at=now) == 8
    assert plan_diaries(at=now) == 0
    assert set(DiaryAssignment.objects.values_list("patient", flat=True)) == {ward.patient.pk}
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Patient.objects.filter(pk=ward.patient.pk).update(participation="discontinued")
    plan_diaries(at=now + timedelta(days=1, hours=4))
    states = [row.state for row in days(ward)]
    assert states == ["scheduled"] * 2 + ["excused"] * 6


@pytest.mark.req("PRO-07")
def test_two_missed_days_in_a_row_raise_an_alert_and_a_late_diary_takes_it_back(
    ward: Ward,
) -> None:
    ward.rule("missing_diaries", in_a_row=2)
    now = datetime(2026, 11, 20, 5, tzinfo=UTC)
    plan_diaries(at=now)
    _first, second, *_rest = days(ward)
    miss_diaries(at=second.closes_at + timedelta(hours=23))
    assert [row.state for row in days(ward)[:2]] == ["missed", "scheduled"]
    assert ward.patient_alerts() == []
    miss_diaries(at=second.closes_at + timedelta(hours=24))
    (alert,) = ward.patient_alerts()
    assert (alert.kind, alert.is_medical, alert.facts["in_a_row"]) == ("missing_diaries", False, 2)
    written: dict[str, Any] = {
        "_assignment": second,
        "_received_at": second.closes_at + timedelta(days=2),
    }
    run(ward.report(second.opens_at + timedelta(minutes=5), **written))
    assert [row.state for row in days(ward)[:2]] == ["missed", "completed"]
    assert alert.breaches.get().withdrawn_at is not None
