"""Which diary is due on which local day of a patient, and what a change of zone moves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import F, Max, Min, QuerySet

from patients.models import (
    Consent,
    DiaryAssignment,
    Exposure,
    Patient,
    PatientProtocolVersion,
    PatientZone,
)
from patients.pipeline import REASON
from patients.pipeline.chunk import lock_patients
from patients.rules.diary_windows import DiaryWindow, due_days, moved, window
from patients.vocabulary import DiaryState, EntrySource, Participation
from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput
from portal.core.history import acting
from portal.core.ids import PIPELINE_ACCOUNT
from trials.models import InstrumentSchedule, ProtocolVersion

# Phones show what is due before they are offline again.
AHEAD = timedelta(days=7)
ENDED = "participation ended"
_TAKING_PART = (Participation.ENROLLED, Participation.RANDOMIZED, Participation.IN_FOLLOW_UP)
_AT_ONCE = 100
_WINDOW = ("opens_at", "closes_at", "time_zone")


class UnknownTimeZone(InvalidInput):
    """There is no such time zone; an IANA name is needed, such as Asia/Shanghai."""

    code = "unknown_time_zone"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What planning a patient's days rests on."""

    patient: Patient
    zone: str
    version: UUID | None
    reference: datetime

    def local_date(self, at: datetime) -> date:
        """Return the day that the patient's calendar shows."""
        return at.astimezone(ZoneInfo(self.zone)).date()


def plan_diaries(*, by: UUID = PIPELINE_ACCOUNT, at: datetime, reason: str = REASON) -> int:
    """Make the diary days of everybody who takes part, a week ahead; return how many were made.

    A local day has one window of an instrument, whatever clocks and zones do. Windows that have not
    opened follow the zone's rules as they are known now; those of people who left are excused.
    Locks: an advisory lock for each patient.
    """
    made = 0
    patients = Patient.objects.filter(participation__in=_TAKING_PART).order_by("id")
    keys = list(patients.values_list("pk", flat=True))
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        with acting(by=by, at=at, reason=reason):
            lock_patients(some)
            for plan in _plans(some, at):
                _follow_zone(plan.patient.pk, plan.zone, at)
                made += _make(plan, at)
    with acting(by=by, at=at, reason=reason):
        _coming(at).exclude(patient__participation__in=_TAKING_PART).update(
            state=DiaryState.EXCUSED, missed_reason=ENDED
        )
    return made


def change_zone(
    *, patient: Patient, time_zone: str, by: User, at: datetime, reason: str
) -> PatientZone:
    """Record that the patient's clock runs in another zone from now on; coming windows move.

    None is lost and none comes twice. Locks: the patient. Raises: UnknownTimeZone.
    """
    if time_zone not in available_timezones():
        raise UnknownTimeZone(errors=(FieldError("/time_zone", UnknownTimeZone.code, "zone"),))
    with acting(by=by, at=at, reason=reason):
        lock_patients([patient.pk])
        zone = PatientZone(patient=patient, time_zone=time_zone, from_at=at, created_at=at)
        zone.save(force_insert=True)
        _follow_zone(patient.pk, time_zone, at)
    return zone


def _coming(at: datetime) -> QuerySet[DiaryAssignment]:
    return DiaryAssignment.objects.filter(state=DiaryState.SCHEDULED, opens_at__gt=at)


def _follow_zone(patient: UUID, zone: str, at: datetime) -> None:
    """Move what has not opened yet to the same wall time of the zone, by today's rules."""
    for row in _coming(at).filter(patient=patient):
        planned = DiaryWindow(
            row.local_day,
            row.time_zone,
            row.opens_local,
            row.closes_local,
            row.opens_at,
            row.closes_at,
        )
        there = moved(planned, zone, at)
        if there != planned:
            for name in _WINDOW:
                setattr(row, name, getattr(there, name))
            row.save(update_fields=_WINDOW)


def _plans(patients: Sequence[UUID], at: datetime) -> Iterator[_Plan]:
    zones = dict(
        PatientZone.objects.filter(patient__in=patients, from_at__lte=at)
        .order_by("from_at")
        .values_list("patient_id", "time_zone")
    )
    followed = PatientProtocolVersion.objects.filter(patient__in=patients, from_at__lte=at)
    versions = dict(followed.order_by("from_at").values_list("patient_id", "protocol_version_id"))
    dosed = _first(Exposure.objects.filter(patient__in=patients), "started_earliest")
    signed = _first(Consent.objects.filter(patient__in=patients), "signed_at")
    for patient in Patient.objects.filter(pk__in=patients).select_related("site"):
        yield _Plan(
            patient,
            zones.get(patient.pk) or patient.site.time_zone or "UTC",
            versions.get(patient.pk) or _latest_version(patient.trial_id),
            dosed.get(patient.pk) or signed.get(patient.pk) or patient.created_at,
        )


def _first(rows: Any, column: str) -> Mapping[UUID, datetime]:
    found = rows.order_by().values_list("patient").annotate(first=Min(column))
    return {patient: first for patient, first in found if first is not None}


def _latest_version(trial: UUID) -> UUID | None:
    rows = ProtocolVersion.objects.filter(trial=trial)
    newest = rows.order_by(F("effective_on").desc(nulls_last=True), "-created_at")
    return newest.values_list("pk", flat=True).first()


def _make(plan: _Plan, at: datetime) -> int:
    """Make the days from the last one that is planned on; for somebody new, from today on."""
    patient, today = plan.patient, plan.local_date(at)
    known = dict(
        DiaryAssignment.objects.filter(patient=patient)
        .order_by()
        .values_list("instrument")
        .annotate(last=Max("local_day"))
    )
    rows: list[DiaryAssignment] = []
    for schedule in InstrumentSchedule.objects.filter(protocol_version=plan.version):
        last = known.get(schedule.instrument_id)
        days = due_days(
            reference=plan.local_date(plan.reference),
            first_day=schedule.first_day,
            last_day=schedule.last_day,
            every_days=schedule.every_days,
            since=today if last is None else last + timedelta(days=1),
            until=today + AHEAD,
        )
        rows += _rows(plan, schedule, days, at)
    DiaryAssignment.objects.bulk_create(rows)
    return len(rows)


def _rows(
    plan: _Plan, schedule: InstrumentSchedule, days: Iterable[date], at: datetime
) -> Iterator[DiaryAssignment]:
    for day in days:
        found = window(day, schedule.opens_local, schedule.closes_local, plan.zone)
        if found is None:
            continue  # The zone skipped that day.
        yield DiaryAssignment(
            patient=plan.patient,
            trial_id=plan.patient.trial_id,
            site_id=plan.patient.site_id,
            protocol_version_id=plan.version,
            entry_source=EntrySource.FORM,
            created_at=at,
            instrument_id=schedule.instrument_id,
            local_day=day,
            time_zone=found.time_zone,
            opens_local=found.opens_local,
            closes_local=found.closes_local,
            opens_at=found.opens_at,
            closes_at=found.closes_at,
        )
