"""The live vitals of a patient, a site and a trial, and alerts (contract.md 2.5, domain.md 8).

Alerts have topics of their own, `site.<id>.alerts` and `trial.<id>.alerts`: seeing values and
seeing alerts are two rights.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Model

from patients import selectors
from patients.models import Alert, ObservationSet, Patient, VitalSample, VitalSign
from patients.vocabulary import CONTINUOUS, ReadingStatus, VitalCode
from patients.wall.alerts import NO_ALERTS, alert_counts
from patients.wall.news2 import news2_data, standing
from patients.wall.readings import (
    WATCHED,
    Latest,
    freshness,
    latest,
    reading_data,
    sample_data,
    stated,
    statement_of,
)
from patients.wall.untold import Untold, told_latest, told_of_each
from portal.access.permissions import Permission
from portal.access.scoping import scope, staying, visible
from portal.accounts.models import User
from portal.core import clock
from portal.live.sources import Telling, tells
from portal.live.topics import Snapshot, TopicKind, offer
from trials.models import Site

_SHOWN = (ReadingStatus.FINAL, ReadingStatus.ENTERED_IN_ERROR, ReadingStatus.ARTIFACT)


def _may_patient(user: User, record: UUID | None) -> bool:
    rows = Patient.objects.filter(pk__in=[record])
    return staying(rows, user, Permission.VITAL_SIGN_MONITOR).exists()


def _may_site(permission: Permission) -> Callable[[User, UUID | None], bool]:
    def may(user: User, record: UUID | None) -> bool:
        return visible(Site.objects.filter(pk__in=[record]), user, permission).exists()

    return may


def _may_trial(permission: Permission) -> Callable[[User, UUID | None], bool]:
    def may(user: User, record: UUID | None) -> bool:
        # One site of the trial is not the trial: the topic carries every site's patients.
        held = scope(user, permission)
        return held.everywhere or record in held.trials

    return may


def _snapshot(column: str) -> Callable[[User, UUID | None], Snapshot]:
    def snapshot(user: User, record: UUID | None) -> Snapshot:
        rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_MONITOR)
        patients = staying(Patient.objects.all(), user, Permission.VITAL_SIGN_MONITOR)
        there = patients.filter(**{column: record}).values_list("pk", "site_id")
        shown = dict(there)
        fresh = freshness(shown.values())
        told, untold = told_latest(
            rows, shown, VitalCode.values, lambda row: reading_data(row, fresh)
        )
        return Snapshot([data for _, data in told], _named(untold))

    return snapshot


def _alert_snapshot(column: str) -> Callable[[User, UUID | None], Snapshot]:
    def snapshot(user: User, record: UUID | None) -> Snapshot:
        patients = list(Patient.objects.filter(**{column: record}).values_list("pk", flat=True))
        rows, at = visible(Alert.objects.all(), user, Permission.ALERT_VIEW), clock.now()
        untold = Untold(set)
        counted = told_of_each(
            "alerts", patients, lambda some: alert_counts(rows, some, at), untold
        )
        data = [{"patient": patient, "alerts": counts} for patient, counts in counted.items()]
        return Snapshot(data, [{"patient": patient} for patient in untold])

    return snapshot


def _named(untold: Untold) -> list[dict[str, Any]]:
    return [
        {"patient": patient, "code": code}
        for patient, codes in untold.items()
        for code in sorted(codes)
    ]


_MONITOR, _ALERTS = Permission.VITAL_SIGN_MONITOR, Permission.ALERT_VIEW
offer(TopicKind("patient.<id>.vitals", _may_patient, _snapshot("pk"), _MONITOR, is_volatile=True))
offer(TopicKind("site.<id>.vitals", _may_site(_MONITOR), _snapshot("site"), _MONITOR))
offer(TopicKind("trial.<id>.vitals", _may_trial(_MONITOR), _snapshot("trial"), _MONITOR))
offer(TopicKind("site.<id>.alerts", _may_site(_ALERTS), _alert_snapshot("site"), _ALERTS))
offer(TopicKind("trial.<id>.alerts", _may_trial(_ALERTS), _alert_snapshot("trial"), _ALERTS))


def _vitals_of(model: type[Model]) -> Callable[[Sequence[UUID]], Iterable[str]]:
    def topics(records: Sequence[UUID]) -> Iterable[str]:
        rows = model._default_manager.filter(pk__in=records)
        places = rows.values_list("patient_id", "site_id", "trial_id", named=True).distinct()
        return [name for row in places for name in _topics(row)]

    return topics


def _alerts_of(records: Sequence[UUID]) -> Iterable[str]:
    rows = Alert.objects.filter(pk__in=records).distinct()
    for trial, site in rows.values_list("trial_id", "patient__site_id"):
        yield from (f"trial.{trial}.safety", f"site.{site}.alerts", f"trial.{trial}.alerts")


@tells("vital_sign", topics=_vitals_of(VitalSign))
def tell_readings(records: Sequence[UUID]) -> list[Telling]:
    """Tell the topics of patient, site and trial what was stored or changed, oldest first.

    What is sealed from display is not told; of a correction nothing is joined with anything.
    """
    statement, parameters = _told()
    return list(_tellings(stated(statement, records, parameters)))


@cache
def _told() -> tuple[str, list[Any]]:
    rows = selectors.vital_signs().filter(status__in=_SHOWN, not_done_reason="")
    # What is a sample too was told as one.
    return statement_of(rows.exclude(method=CONTINUOUS, vitals_upload__isnull=False, version=1))


@tells("vital_sample", topics=_vitals_of(VitalSample), every_seconds=1.0)
def tell_samples(records: Sequence[UUID]) -> list[Telling]:
    """Tell what monitors sent, joined by patient, code and position.

    It is the last of the samples, with minimum, maximum and count of all of them.
    """
    joined: dict[str, dict[str, Any]] = {}
    topics: dict[str, tuple[str, ...]] = {}
    rows = list(selectors.vital_samples().filter(pk__in=records).order_by("measured_at", "id"))
    fresh = freshness(row.site_id for row in rows)
    for row in rows:
        if row.is_artifact or row.is_implausible:
            continue
        key, data = _key(row), sample_data(row, fresh)
        earlier = joined.get(key)
        if earlier is not None:
            data["min"] = min(earlier["min"], data["min"])
            data["max"] = max(earlier["max"], data["max"])
            data["n"] += earlier["n"]
        joined[key], topics[key] = data, _topics(row)
    return [Telling(topics[key], "vital_sign", data, key) for key, data in joined.items()]


@tells("observation_set", topics=_vitals_of(ObservationSet))
def tell_sets(records: Sequence[UUID]) -> list[Telling]:
    """Tell the NEWS2 of patients when it changed or expired, with their last reading."""
    at = clock.now()
    of = ObservationSet.objects.filter(pk__in=records).values_list("patient_id", flat=True)
    sets = standing(of)
    readings: dict[UUID, Latest] = {}
    for row in latest(selectors.vital_signs(), sets, WATCHED):
        readings.setdefault(row.patient_id, row)
    fresh = freshness(row.site_id for row in readings.values())
    return [
        Telling(
            _topics(row),
            "vital_sign",
            {**reading_data(row, fresh), "news2": news2_data(sets[patient], at)},
        )
        for patient, row in readings.items()
    ]


@tells("alert", topics=_alerts_of)
def tell_alerts(records: Sequence[UUID]) -> list[Telling]:
    """Tell of alerts that were raised or changed, and how those of the patient stand now.

    Walls hear the counts, where the patient is now; whoever watches a trial's safety a pointer.
    """
    rows = list(
        Alert.objects.filter(pk__in=records)
        .order_by("created_at", "id")
        .values_list("pk", "version", "trial_id", "patient_id", "patient__site_id")
    )
    counted = alert_counts(Alert.objects.all(), {row[3] for row in rows}, clock.now())
    told = []
    for key, version, trial, patient, site in rows:
        pointer = {"resource": "alert", "id": key, "version": version}
        counts = {"patient": patient, "alerts": counted.get(patient, NO_ALERTS)}
        told.append(Telling((f"trial.{trial}.safety",), "alert", pointer))
        walls = (f"site.{site}.alerts", f"trial.{trial}.alerts")
        told.append(Telling(walls, "alert", pointer | counts))
    return told


def _topics(row: Any) -> tuple[str, ...]:
    return (
        f"patient.{row.patient_id}.vitals",
        f"site.{row.site_id}.vitals",
        f"trial.{row.trial_id}.vitals",
    )


def _key(row: Any) -> str:
    return f"{row.patient_id}/{row.code}/{row.position}"


def _tellings(rows: Sequence[Latest]) -> Iterable[Telling]:
    fresh = freshness(row.site_id for row in rows)
    for row in rows:
        data = reading_data(row, fresh)
        if data["status"] == ReadingStatus.ARTIFACT:
            continue
        key = _key(row) if data["status"] == ReadingStatus.FINAL else None
        yield Telling(_topics(row), "vital_sign", data, key)
