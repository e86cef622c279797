"""Observation sets: a round of readings, closed by staff, and the NEWS2 it makes (domain.md 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from patients import selectors
from patients.models import MonitoringPlan, ObservationSet, Patient, Score, VitalSign
from patients.rules import news2
from patients.rules.observation_sets import (
    CODES,
    INPATIENT,
    MONITOR_WINDOW,
    Observed,
    Sample,
    collect,
    monitor_value,
)
from patients.rules.observation_sets import ObservationSet as Chosen
from patients.rules.vital_table import FALSE, TRUE
from patients.vocabulary import CONTINUOUS, EntrySource, FlagKind, Originator, ScoreEligibility
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.core.errors import InvalidInput, RuleBroken
from portal.core.history import acting
from portal.outbox.kinds import Kind
from portal.outbox.publish import publish

_SAMPLED = "samples:"
# A reading stands for an instant only when it is known this exactly.
_EXACT = timedelta(minutes=1)
_RESULTS = (
    "inputs",
    "rounded_inputs",
    "sub_scores",
    "missing",
    "eligibility",
    "spo2_scale",
    "aggregate",
    "band",
    "algorithm",
    "algorithm_version",
    "expires_at",
)


class News2NotEnabled(RuleBroken):
    """The monitoring plan of the site does not turn NEWS2 on."""

    code = "news2_not_enabled"


class NothingObserved(RuleBroken):
    """There is no reading of the set's time that NEWS2 may be scored on."""

    code = "nothing_observed"


class ClosedAhead(InvalidInput):
    """A set is closed now or earlier."""

    code = "closed_ahead"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a set closed at that time would hold."""

    eligibility: ScoreEligibility
    chosen: Chosen
    score: news2.News2


def candidate(*, patient: Patient, closed_at: datetime) -> Candidate:
    """Return what a set of the patient would be; where NEWS2 is off, it would not be scored."""
    plan = MonitoringPlan.objects.filter(site=patient.site_id).first() or MonitoringPlan()
    window = timedelta(minutes=plan.observation_window_minutes)
    readings = [*_readings(patient, plan, closed_at, window), *_medians(patient, closed_at)]
    chosen = collect(readings, closed_at=closed_at, within=window)
    eligibility = selectors.news2_eligibility([patient.pk], closed_at)[patient.pk]
    return Candidate(eligibility, chosen, _computed(patient, chosen, closed_at))


def close_observation_set(
    *, patient: Patient, closed_at: datetime | None = None, by: User, at: datetime, reason: str = ""
) -> ObservationSet:
    """Close a round of observations at `closed_at`, now where it is not said, and score it.

    Whoever is not eligible has no score, and the set says why. Locks: the patient's row.
    Emits: OBSERVATION_SET_CLOSED. Raises: News2NotEnabled, NothingObserved, ClosedAhead.
    """
    closed_at = closed_at or at
    if closed_at > at:
        raise ClosedAhead()
    with acting(by=by, at=at, reason=reason or "observation set closed"):
        patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        plan = _plan(patient)
        found = candidate(patient=patient, closed_at=closed_at)
        if found.chosen.started_at is None or found.chosen.ended_at is None:
            raise NothingObserved()
        made = ObservationSet(
            patient=patient,
            site_id=selectors.capture_site(patient, by, Permission.VITAL_SIGN_RECORD),
            protocol_version_id=selectors.protocol_version_at(patient, closed_at),
            entered_at=at,
            entry_source=EntrySource.FORM,
            created_at=at,
            closed_at=closed_at,
            closed_by=by,
            taken_from=found.chosen.started_at,
            taken_until=found.chosen.ended_at,
        )
        _score(made, found, plan)
        made.save(force_insert=True)
        made.refresh_from_db()
        _settle(made, at)
    return made


def recompute_sets(
    *, reading: VitalSign, by: User, at: datetime, reason: str
) -> list[ObservationSet]:
    """Score the sets anew that hold a reading, after it was corrected or withdrawn.

    A set keeps its readings and its time; what it said before stays in its history.
    Emits: OBSERVATION_SET_CLOSED for each that comes out differently.
    """
    changed = []
    with acting(by=by, at=at, reason=reason):
        sets = ObservationSet.objects.select_for_update().filter(
            patient=reading.patient_id, superseded_at=None
        )
        near = sets.filter(taken_from__lte=at).order_by("-closed_at")
        for held in near:
            if str(reading.pk) not in {one["reading"] for one in held.inputs.values()}:
                continue
            if _recompute(held):
                held.save()
                held.refresh_from_db()
                _settle(held, at)
                changed.append(held)
    return changed


def expire_sets(*, by: UUID, at: datetime, reason: str) -> int:
    """Note the sets whose time is over, so that walls take their score down."""
    with acting(by=by, at=at, reason=reason):
        return ObservationSet.objects.filter(
            expires_at__lte=at, expired_at=None, superseded_at=None
        ).update(expired_at=at)


def _plan(patient: Patient) -> MonitoringPlan:
    plan = MonitoringPlan.objects.filter(site=patient.site_id, news2_enabled=True).first()
    if plan is None:
        raise News2NotEnabled()
    return plan


def _readings(
    patient: Patient, plan: MonitoringPlan, closed_at: datetime, window: timedelta
) -> Iterable[Observed]:
    """Yield the readings of the window; those of phone diaries are of home and never scored."""
    rows = VitalSign.objects.filter(
        patient=patient,
        code__in=[code for codes in CODES.values() for code in codes],
        measured_earliest__range=(closed_at - window, closed_at),
        not_done_reason="",
    ).exclude(method=CONTINUOUS, vitals_upload__isnull=False)
    for row in rows:
        latest = row.measured_latest
        if latest is not None and latest - row.measured_earliest <= _EXACT:
            yield _observed(row, plan.setting)


def _observed(row: VitalSign, setting: str) -> Observed:
    return Observed(
        key=str(row.pk),
        code=row.code,
        measured_at=row.measured_earliest,
        value=row.value,
        coded_value=row.coded_value,
        comparator=row.comparator,
        status=row.status,
        setting="home" if row.report_id is not None else setting,
        originator=row.originator,
        flags=tuple(row.flags),
    )


def _medians(patient: Patient, closed_at: datetime) -> Iterable[Observed]:
    """Yield for each code of a monitor the median of its last minute, without artifacts."""
    rows = selectors.vital_samples().filter(
        patient=patient, measured_at__gt=closed_at - MONITOR_WINDOW, measured_at__lte=closed_at
    )
    by_code: dict[str, list[Sample]] = {}
    for row in rows.order_by("measured_at"):
        sample = Sample(row.measured_at, row.value, row.is_artifact or row.is_implausible)
        by_code.setdefault(row.code, []).append(sample)
    for code, samples in by_code.items():
        value = monitor_value(samples, closed_at=closed_at)
        if value is not None:
            last = max(one.at for one in samples if not one.is_artifact)
            yield Observed(_SAMPLED + code, code, last, value, originator=Originator.DEVICE.value)


def _computed(patient: Patient, chosen: Chosen, at: datetime) -> news2.News2:
    flags = selectors.flags_in_force([patient.pk], at).get(patient.pk, frozenset())
    return news2.compute(
        chosen.observations,
        scale=news2.Scale.TWO if FlagKind.HYPERCAPNIC_TARGET in flags else news2.Scale.ONE,
        has_baseline_confusion=FlagKind.BASELINE_CONFUSION in flags,
    )


def _score(held: ObservationSet, found: Candidate, plan: MonitoringPlan) -> None:
    """Put into a set what was observed and what it scores."""
    score, is_eligible = found.score, found.eligibility == ScoreEligibility.ELIGIBLE
    held.inputs = {
        name: {"reading": key, "value": _text(getattr(found.chosen.observations, name))}
        for name, key in found.chosen.used.items()
    }
    held.rounded_inputs = dict(score.inputs)
    held.missing = list(score.missing)
    held.eligibility = found.eligibility
    held.spo2_scale = int(score.scale)
    held.algorithm, held.algorithm_version = score.algorithm, score.algorithm_version
    held.sub_scores = dict(score.sub_scores) if is_eligible else {}
    held.aggregate = score.score if is_eligible else None
    held.band = score.band.value if is_eligible and score.band is not None else ""
    held.expires_at = held.expired_at = None
    if held.aggregate is not None:
        held.expires_at = held.taken_until + news2.expires_after(
            held.aggregate,
            has_single_3=score.has_single_3,
            continuous_limit=timedelta(minutes=plan.continuous_limit_minutes),
        )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _recompute(held: ObservationSet) -> bool:
    """Score a set from its own readings as they are now; return whether it came out differently."""
    plan = MonitoringPlan.objects.filter(site=held.site_id).first() or MonitoringPlan()
    keys = {name: one["reading"] for name, one in held.inputs.items()}
    rows = VitalSign.objects.in_bulk([k for k in keys.values() if not k.startswith(_SAMPLED)])
    readings = [_observed(row, INPATIENT) for row in rows.values()]
    readings += [
        Observed(
            key,
            key.removeprefix(_SAMPLED),
            held.taken_until,
            Decimal(held.inputs[name]["value"]),
            originator=Originator.DEVICE.value,
        )
        for name, key in keys.items()
        if key.startswith(_SAMPLED)
    ]
    before = _results(held)
    chosen = collect(readings, closed_at=held.closed_at, within=_LIFE)
    eligibility = ScoreEligibility(held.eligibility)
    _score(
        held, Candidate(eligibility, chosen, _computed(held.patient, chosen, held.closed_at)), plan
    )
    return _results(held) != before


_LIFE = timedelta(days=36_500)


def _results(held: ObservationSet) -> Mapping[str, Any]:
    return {name: getattr(held, name) for name in _RESULTS}


def _settle(held: ObservationSet, at: datetime) -> None:
    """Keep the score beside the other scores, and tell the rules."""
    Score.objects.filter(observation_set=held, superseded_at=None).update(superseded_at=at)
    if held.eligibility == ScoreEligibility.ELIGIBLE:
        Score.objects.create(
            patient_id=held.patient_id,
            site_id=held.site_id,
            protocol_version_id=held.protocol_version_id,
            observation_set=held,
            created_at=at,
            name=news2.ALGORITHM,
            value=held.aggregate,
            band=held.band,
            algorithm=held.algorithm,
            algorithm_version=held.algorithm_version,
            inputs=held.rounded_inputs,
            missing=held.missing,
            scored_at=held.closed_at,
        )
    publish(
        Kind.OBSERVATION_SET_CLOSED,
        resource="observation_set",
        record_id=held.pk,
        ordering_key=held.patient_id,
        trial_id=held.trial_id,
        site_id=held.site_id,
    )
