"""Rules held against rows that no upload brought: what staff entered, corrected or closed.

The rules walk over the whole series again, so that a correction takes back what was not so, and
what has fired before does not fire twice.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from patients.models import ObservationSet, VitalSign
from patients.pipeline.ages import ages_of
from patients.pipeline.alerts import raise_alerts
from patients.pipeline.definitions import active_rules
from patients.pipeline.evaluation import Job, evaluate
from patients.rules.risk import is_of_age
from patients.vocabulary import EntrySource

# Patient, trial, source, key.
Where = tuple[UUID, UUID, str, str]


def evaluate_readings(records: Collection[UUID], at: datetime) -> None:
    """Evaluate the rules about vital signs. The caller holds the patients' locks."""
    rows = VitalSign.objects.filter(pk__in=records)
    places = rows.values_list("patient_id", "trial_id", "code")
    _evaluate({(patient, trial, "vital", code) for patient, trial, code in places}, at)


def evaluate_sets(records: Collection[UUID], at: datetime) -> None:
    """Evaluate the rules about NEWS2. The caller holds the patients' locks."""
    rows = ObservationSet.objects.filter(pk__in=records)
    places = rows.values_list("patient_id", "trial_id")
    _evaluate({(patient, trial, "news2", "") for patient, trial in places}, at)


def evaluate_imported(patients: Collection[UUID], trial: UUID, at: datetime) -> int:
    """Evaluate imported readings of some patients as if they came now; return how many alerts.

    The caller holds the patients' locks.
    """
    by_place: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    rows = VitalSign.objects.filter(patient__in=patients, entry_source=EntrySource.IMPORT)
    for patient, code, key in rows.values_list("patient_id", "code", "pk").iterator():
        by_place[patient, code].add(key)
    jobs = _jobs({(patient, trial, "vital", code) for patient, code in by_place})
    for job in jobs:
        job.asked = frozenset(by_place[job.patient_id, job.place[2]])
    evaluate(jobs, at, again=True)
    return raise_alerts(jobs, at)


def _evaluate(places: Collection[Where], at: datetime) -> None:
    jobs = _jobs(places)
    evaluate(jobs, at, again=True)
    raise_alerts(jobs, at)


def _jobs(places: Collection[Where]) -> list[Job]:
    rules = active_rules({trial for _patient, trial, _source, _key in places})
    ages = ages_of({patient for patient, _trial, _source, _key in places})
    return [
        Job(rule, (patient, source, key))
        for patient, trial, source, key in sorted(places)
        for rule in rules.get((trial, source, key), ())
        if is_of_age(rule.parameters, ages[patient])
    ]
