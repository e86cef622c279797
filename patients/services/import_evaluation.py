"""Imported readings held against the rules in force, where somebody asks for it."""

from dataclasses import dataclass
from datetime import datetime

from patients.models import Patient
from patients.pipeline import stored
from patients.pipeline.chunk import lock_patients
from patients.pipeline.definitions import active_rules
from portal.accounts.models import User
from portal.core.history import Source, acting
from trials.models import Trial

_AT_ONCE = 50


@dataclass(slots=True)
class ImportEvaluation:
    """What came of it: rules in force, patients looked at, alerts raised or renewed."""

    rules: int
    patients: int = 0
    alerts: int = 0


def evaluate_import(*, trial: Trial, by: User, at: datetime, reason: str) -> ImportEvaluation:
    """Evaluate a trial's imported readings under its active rules, whatever their age.

    An import by itself raises no alert: its readings are history. Asked for, each reading is
    evaluated once by a version of a rule; what fires is told as reported late, and a second time
    nothing fires. Each part of the patients is committed by itself.
    Source: domain.md 8. Locks: an advisory lock for each patient.
    """
    rules = [rule for some in active_rules([trial.pk]).values() for rule in some]
    done = ImportEvaluation(rules=len({rule.version_id for rule in rules}))
    if not rules:
        return done
    keys = list(Patient.objects.filter(trial=trial).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        with acting(by=by, at=at, reason=reason, source=Source.IMPORT):
            since = lock_patients(some)
            done.alerts += stored.evaluate_imported(some, trial.pk, since)
        done.patients += len(some)
    return done
