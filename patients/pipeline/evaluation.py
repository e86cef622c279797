"""Rules held against new values: what breaches them, whatever order the values came in.

A value that is new and the latest of its kind is one step from what a rule remembers. One that was
overtaken makes the rule walk over the patient's whole series again, and what it finds is compared
with what was found before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection

from patients.models import RiskRuleCursor
from patients.pipeline import series
from patients.pipeline.definitions import ActiveRule, Rules
from patients.pipeline.steps import Observed
from patients.rules.risk import (
    Answer,
    Breach,
    DuplicateDevice,
    Memory,
    is_met,
    is_of_age,
    needs_history,
    walk,
)
from portal.core.ids import seeded_uuid7
from portal.core.rows import insert_rows

_STATELESS = (Answer, DuplicateDevice)


@dataclass(frozen=True, slots=True)
class Found:
    """A breach of a rule by a value."""

    rule: ActiveRule
    observed: Observed
    breach: Breach


@dataclass(slots=True)
class Job:
    """One rule and one patient with new values. `rebuilt`: `found` is all there is to find."""

    rule: ActiveRule
    place: series.Place
    observed: list[Observed] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    # Values older than the rule that are evaluated all the same: somebody asked for it.
    asked: frozenset[UUID] = frozenset()
    is_rebuilt: bool = False
    has_cursor: bool = False

    @property
    def patient_id(self) -> UUID:
        """Whose values they are."""
        return self.place[0]


def jobs_of(observed: Iterable[Observed], rules: Rules) -> list[Job]:
    """Return which rules look at which patients' new values."""
    jobs: dict[tuple[UUID, UUID], Job] = {}
    for one in observed:
        key = "" if one.source in ("safety", "news2", "diary", "device") else one.key
        for rule in rules.get((one.trial_id, one.source, key), ()):
            if not is_of_age(rule.parameters, one.age_years) or not _is_named(rule, one):
                continue
            job = jobs.get((one.patient_id, rule.version_id))
            if job is None:
                job = Job(rule, (one.patient_id, one.source, key))
                jobs[one.patient_id, rule.version_id] = job
            job.observed.append(one)
    return list(jobs.values())


def _is_named(rule: ActiveRule, one: Observed) -> bool:
    """Whether a rule about answers means this item, and its mark is passed."""
    wanted = rule.parameters
    if not isinstance(wanted, Answer):
        return True
    if wanted.item not in ("*", one.key):
        return False
    return wanted.above is None or one.seen.value is None or one.seen.value > wanted.above


def evaluate(jobs: Sequence[Job], at: datetime, *, again: bool = False) -> None:
    """Fill `found` of each job and keep what the rules remember. `again`: walk over everything.

    At most one query for cursors, two for each source of values, one for what was found of values
    older than a rule, one write.
    """
    stateful = [job for job in jobs if not isinstance(job.rule.parameters, _STATELESS)]
    for job in jobs:
        if isinstance(job.rule.parameters, _STATELESS):
            job.found = _walk(job, job.observed)
    if not stateful:
        return
    _recall(stateful)
    touched = [job for job in stateful if again or _matters(job)]
    late = frozenset[series.Place]() if again else series.overtaken(_firsts(touched), at)
    rebuilt = [
        job
        for job in touched
        if again or job.place in late or (needs_history(job.rule.parameters) and not job.has_cursor)
    ]
    for job in rebuilt:
        job.is_rebuilt = True
    values = series.load({job.place for job in rebuilt}) if rebuilt else {}
    found = _found_before([job for job in rebuilt if _has_history(job, values)])
    for job in touched:
        was_quiet = job.memory.is_quiet
        if job.is_rebuilt:
            job.memory = Memory()
            asked = job.asked | found.get((job.patient_id, job.rule.version_id), frozenset())
            job.observed = _since(job.rule, values.get(job.place, ()), asked)
            job.found = _walk(job, job.observed)
        else:
            job.found = _walk(job, sorted(job.observed, key=_order))
        is_plain = not needs_history(job.rule.parameters)
        if job.place[1] == "diary" or (was_quiet and job.memory.is_quiet and is_plain):
            job.observed = []  # nothing to remember
    _remember([job for job in touched if job.observed], at)


def _order(one: Observed) -> tuple[datetime, UUID]:
    return one.seen.at, one.seen.id


def _matters(job: Job) -> bool:
    """Whether values can change anything: what is quiet and meets no level stays quiet."""
    return (
        job.has_cursor
        or needs_history(job.rule.parameters)
        or any(is_met(job.rule.parameters, one.seen.value) for one in job.observed)
    )


def _firsts(jobs: Iterable[Job]) -> dict[series.Place, datetime]:
    firsts: dict[series.Place, datetime] = {}
    for job in jobs:
        first = min(one.seen.at for one in job.observed)
        firsts[job.place] = min(first, firsts.get(job.place, first))
    return firsts


def _has_history(job: Job, values: Mapping[series.Place, Sequence[series.Dated]]) -> bool:
    begins = job.rule.evaluates_from
    return begins is not None and any(
        created < begins for _one, created in values.get(job.place, ())
    )


def _found_before(jobs: Sequence[Job]) -> dict[tuple[UUID, UUID], frozenset[UUID]]:
    """Return the values that breached: of those older than a rule they are the ones asked for."""
    if not jobs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.patient_id, b.rule_version_id, array_agg(b.record_id) "
            "FROM patients_alertbreach b JOIN unnest(%s::uuid[], %s::uuid[]) "
            "AS k(patient, version) ON b.patient_id = k.patient AND b.rule_version_id = k.version "
            "GROUP BY 1, 2",
            [[job.patient_id for job in jobs], [job.rule.version_id for job in jobs]],
        )
        return {(patient, version): frozenset(keys) for patient, version, keys in cursor}


def _since(
    rule: ActiveRule, dated: Iterable[series.Dated], asked: frozenset[UUID]
) -> list[Observed]:
    """Mark what was there before the rule came into force: it is context and fires nothing."""
    if rule.evaluates_from is None:
        return [one for one, _created in dated]
    return [
        one
        if created >= rule.evaluates_from or one.seen.id in asked
        else replace(one, seen=replace(one.seen, is_history=True))
        for one, created in dated
    ]


def _walk(job: Job, observed: Sequence[Observed]) -> list[Found]:
    by_id = {one.seen.id: one for one in observed}
    wanted = getattr(job.rule.parameters, "instrument", "")
    seen = [one.seen for one in observed if not wanted or one.key == wanted]
    return [
        Found(job.rule, by_id[breach.seen.id], breach)
        for breach in walk(job.rule.parameters, seen, job.memory)
    ]


def _recall(jobs: Sequence[Job]) -> None:
    """Read what the rules remember of the patients."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.patient_id, c.rule_version_id, c.state::text FROM patients_riskrulecursor c "
            "JOIN unnest(%s::uuid[], %s::uuid[]) AS k(patient, version) "
            "ON c.patient_id = k.patient AND c.rule_version_id = k.version",
            [[job.patient_id for job in jobs], [job.rule.version_id for job in jobs]],
        )
        kept = {(patient, version): state for patient, version, state in cursor.fetchall()}
    for job in jobs:
        state = kept.get((job.patient_id, job.rule.version_id))
        if state is not None:
            job.has_cursor = True
            job.memory = msgspec.json.decode(state, type=Memory)


def _remember(jobs: Sequence[Job], at: datetime) -> None:
    rows = []
    for job in jobs:
        last = max(job.observed, key=_order)
        rows.append(
            {
                "id": _cursor_id(job),
                "created_at": at,
                "patient_id": job.patient_id,
                "rule_version_id": job.rule.version_id,
                "last_at": last.seen.at,
                "last_id": last.seen.id,
                "state": msgspec.to_builtins(job.memory),
            }
        )
    insert_rows(
        RiskRuleCursor,
        (
            "id",
            "created_at",
            "patient_id",
            "rule_version_id",
            "last_at",
            "last_id",
            "state",
        ),
        rows,
        on_conflict=(
            "ON CONFLICT (patient_id, rule_version_id) DO UPDATE SET "
            "last_at = EXCLUDED.last_at, last_id = EXCLUDED.last_id, state = EXCLUDED.state"
        ),
    )


def _cursor_id(job: Job) -> UUID:
    return seeded_uuid7(job.observed[0].seen.received_at, job.place, job.rule.version_id)
