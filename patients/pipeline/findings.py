"""Findings of the pipeline: identical ones of a patient are one row that counts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from patients.models import DataFinding
from patients.vocabulary import FindingSeverity, FindingState
from portal.core.ids import uuid7
from portal.core.rows import insert_rows

_COLUMNS = (
    "id",
    "created_at",
    "patient_id",
    "trial_id",
    "site_id",
    "rule",
    "severity",
    "owner_role",
    "message",
    "occurrences",
    "facts",
    "resource",
    "record_id",
)
OWNER = "study_coordinator"


def message_of(rule: str) -> str:
    """Return what a rule's finding says."""
    return {
        "answer_does_not_fit": _("An answer does not fit its question; it is kept as given."),
        "implausible_reading": _(
            "A reading lies outside what a living body can show; it is kept and not evaluated."
        ),
    }[rule]


def note_findings(found: Sequence[dict[str, Any]], at: datetime) -> None:
    """Count each finding on the open one of its rule and patient, or write a new one."""
    if not found:
        return
    by_pair: dict[tuple[UUID, str], list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        by_pair[one["patient_id"], one["rule"]].append(one)
    counted = _count(by_pair)
    rows = [
        {
            **some[-1],
            "id": uuid7(at),
            "created_at": at,
            "severity": FindingSeverity.MAJOR.value,
            "owner_role": OWNER,
            "message": message_of(rule),
            "occurrences": len(some),
        }
        for (patient, rule), some in by_pair.items()
        if (patient, rule) not in counted
    ]
    insert_rows(DataFinding, _COLUMNS, rows)


def _count(by_pair: dict[tuple[UUID, str], list[dict[str, Any]]]) -> set[tuple[UUID, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE patients_datafinding f SET occurrences = f.occurrences + c.more "
            "FROM unnest(%s::uuid[], %s::text[], %s::int[]) AS c(patient, rule, more) "
            "WHERE f.patient_id = c.patient AND f.rule = c.rule AND f.state = %s "
            "RETURNING f.patient_id, f.rule",
            [
                [patient for patient, _rule in by_pair],
                [rule for _patient, rule in by_pair],
                [len(some) for some in by_pair.values()],
                FindingState.OPEN.value,
            ],
        )
        return {(patient, rule) for patient, rule in cursor.fetchall()}
