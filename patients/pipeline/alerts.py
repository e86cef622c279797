"""From breaches to alerts: one open alert for a patient and rule, to which breaches append."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from patients.models import UNCLOSED, Alert, AlertBreach
from patients.pipeline.definitions import ActiveRule
from patients.pipeline.escalations import escalate
from patients.pipeline.evaluation import Found, Job
from patients.vocabulary import MEDICAL_RULES, AlertState, EntrySource
from portal.core.ids import uuid7
from portal.core.rows import insert_rows
from portal.outbox.kinds import Kind, Lane
from portal.outbox.publish import publish

Pair = tuple[UUID, UUID]  # patient and rule

_ALERT_COLUMNS = (
    "id",
    "created_at",
    "patient_id",
    "trial_id",
    "site_id",
    "entry_source",
    "rule_id",
    "rule_version_id",
    "kind",
    "is_medical",
    "facts",
    "reported_late",
    "observed_at",
    "raised_at",
    "last_fired_at",
    "due_at",
)
_BREACH_COLUMNS = (
    "id",
    "created_at",
    "alert_id",
    "patient_id",
    "trial_id",
    "site_id",
    "rule_version_id",
    "resource",
    "record_id",
    "upload_id",
    "observed_at",
    "received_at",
    "facts",
    "has_fired",
    "is_late",
)


@dataclass(slots=True)
class _Changes:
    """What is to be written of alerts."""

    alerts: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    breaches: list[dict[str, Any]] = field(default_factory=list)
    renewed: dict[UUID, Found] = field(default_factory=dict)


def raise_alerts(jobs: Sequence[Job], at: datetime) -> int:
    """Write what the jobs found; return how many alerts were raised or renewed.

    Values that were found before change nothing. The caller holds the patients' locks.
    Emits: ALERT_RAISED, in the lane of safety.
    """
    jobs = [job for job in jobs if job.found or job.is_rebuilt]
    if not jobs:
        return 0
    known = _known(jobs)
    _correct(jobs, known, at)
    new = [
        found
        for job in jobs
        for found in job.found
        if (job.patient_id, found.rule.version_id, found.breach.seen.id) not in known
    ]
    if not new:
        return 0
    changes = _place(new, _unclosed(new), at)
    insert_rows(Alert, _ALERT_COLUMNS, list(changes.alerts.values()))
    _renew(changes.renewed, at)
    insert_rows(AlertBreach, _BREACH_COLUMNS, changes.breaches)
    escalate(changes.alerts, changes.renewed, at)
    told = {key: row["reported_late"] for key, row in changes.alerts.items()}
    told |= {key: found.breach.is_late for key, found in changes.renewed.items()}
    _tell(told, new, changes)
    return len(told)


Known = dict[tuple[UUID, UUID, UUID], tuple[UUID, bool, bool]]


def _known(jobs: Sequence[Job]) -> Known:
    """Return the breaches that are written, as (id, fired, withdrawn)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.patient_id, b.rule_version_id, b.record_id, b.id, b.has_fired, "
            "b.withdrawn_at IS NOT NULL FROM patients_alertbreach b "
            "JOIN unnest(%s::uuid[], %s::uuid[]) AS k(patient, version) "
            "ON b.patient_id = k.patient AND b.rule_version_id = k.version",
            [[job.patient_id for job in jobs], [job.rule.version_id for job in jobs]],
        )
        return {(p, v, record): (i, f, w) for p, v, record, i, f, w in cursor.fetchall()}


def _correct(jobs: Sequence[Job], known: Known, at: datetime) -> None:
    """Bring breaches in line with what the whole series says now."""
    changed: list[tuple[UUID, bool, bool]] = []
    for job in jobs:
        if not job.is_rebuilt:
            continue
        pair = (job.patient_id, job.rule.version_id)
        now = {found.breach.seen.id: found.breach.fires for found in job.found}
        for (patient, version, record), (key, fired, withdrawn) in known.items():
            if (patient, version) == pair:
                should = (now.get(record, fired), record not in now)
                if should != (fired, withdrawn):
                    changed.append((key, *should))
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE patients_alertbreach b SET has_fired = c.fired, "
            "withdrawn_at = CASE WHEN c.withdrawn THEN coalesce(b.withdrawn_at, %s) END "
            "FROM unnest(%s::uuid[], %s::bool[], %s::bool[]) AS c(id, fired, withdrawn) "
            "WHERE b.id = c.id",
            [at, *map(list, zip(*changed, strict=True))],
        )


def _unclosed(new: Iterable[Found]) -> dict[Pair, UUID]:
    pairs = {(found.observed.patient_id, found.rule.rule_id) for found in new}
    rows = Alert.objects.filter(
        patient__in={patient for patient, _rule in pairs},
        rule__in={rule for _patient, rule in pairs},
        state__in=UNCLOSED,
    ).select_for_update(of=("self",))
    return {(row.patient_id, row.rule_id): row.pk for row in rows.only("patient_id", "rule_id")}


def _place(new: Iterable[Found], unclosed: dict[Pair, UUID], at: datetime) -> _Changes:
    """Decide which alert each breach belongs to; one that fires nothing opens none."""
    changes = _Changes()
    by_pair: dict[Pair, list[Found]] = defaultdict(list)
    for found in new:
        by_pair[found.observed.patient_id, found.rule.rule_id].append(found)
    for pair, some in by_pair.items():
        alert = unclosed.get(pair)
        for found in some:
            fires = found.breach.fires
            if alert is None:
                if not fires:
                    continue
                row = _alert(found, at)
                alert = row["id"]
                changes.alerts[alert] = row
            elif fires and alert not in changes.alerts:
                changes.renewed[alert] = found
            elif fires and not found.breach.is_late:
                changes.alerts[alert]["reported_late"] = False
            changes.breaches.append(_breach(found, alert, at))
    return changes


def _alert(found: Found, at: datetime) -> dict[str, Any]:
    observed, rule = found.observed, found.rule
    return {
        "id": uuid7(at),
        "created_at": at,
        "patient_id": observed.patient_id,
        "trial_id": observed.trial_id,
        "site_id": observed.site_id,
        "entry_source": EntrySource.EPRO.value,
        "rule_id": rule.rule_id,
        "rule_version_id": rule.version_id,
        "kind": rule.kind,
        "is_medical": rule.kind in MEDICAL_RULES,
        "facts": found.breach.facts,
        "reported_late": found.breach.is_late,
        "observed_at": found.breach.seen.at,
        "raised_at": at,
        "last_fired_at": at,
        "due_at": _due(rule, at),
    }


def _due(rule: ActiveRule, at: datetime) -> datetime:
    return at + timedelta(minutes=rule.parameters.acknowledge_within_minutes)


def _breach(found: Found, alert: UUID, at: datetime) -> dict[str, Any]:
    observed, breach = found.observed, found.breach
    return {
        "id": uuid7(at),
        "created_at": at,
        "alert_id": alert,
        "patient_id": observed.patient_id,
        "trial_id": observed.trial_id,
        "site_id": observed.site_id,
        "rule_version_id": found.rule.version_id,
        "resource": observed.resource,
        "record_id": breach.seen.id,
        "upload_id": observed.upload_id,
        "observed_at": breach.seen.at,
        "received_at": breach.seen.received_at,
        "facts": breach.facts,
        "has_fired": breach.fires,
        "is_late": breach.is_late,
    }


def _renew(renewed: dict[UUID, Found], at: datetime) -> None:
    """Put an alert that fired again back before somebody; who had it stays in its history."""
    if not renewed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE patients_alert a SET last_fired_at = %s, due_at = r.due, state = %s, "
            "reported_late = a.reported_late AND r.late, "
            "acknowledged_at = NULL, acknowledged_by_id = NULL, comment = '' "
            "FROM unnest(%s::uuid[], %s::timestamptz[], %s::bool[]) AS r(id, due, late) "
            "WHERE a.id = r.id",
            [
                at,
                AlertState.OPEN.value,
                list(renewed),
                [_due(found.rule, at) for found in renewed.values()],
                [found.breach.is_late for found in renewed.values()],
            ],
        )


def _tell(told: dict[UUID, bool], new: Sequence[Found], changes: _Changes) -> None:
    places = {row["alert_id"]: row for row in changes.breaches}
    may_be_event = {found.rule.version_id: found.rule.parameters for found in new}
    for alert, is_late in told.items():
        row = places[alert]
        rule = may_be_event[row["rule_version_id"]]
        publish(
            Kind.ALERT_RAISED,
            resource="alert",
            record_id=alert,
            ordering_key=row["patient_id"],
            trial_id=row["trial_id"],
            site_id=row["site_id"],
            payload={
                "late": int(is_late),
                "renewed": int(alert in changes.renewed),
                "candidate": int(rule.may_be_adverse_event),
            },
            lane=Lane.SAFETY,
        )
