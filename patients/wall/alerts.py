"""How the alerts of patients stand, as tiles and the topics of alerts tell it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Min, Q, QuerySet

from patients.models import UNCLOSED, Alert
from patients.vocabulary import AlertState, FindingSeverity, RuleKind

# How bad it is that a rule of a kind has fired: the worst first.
SEVERITY: Mapping[str, FindingSeverity] = {
    RuleKind.ANSWER: FindingSeverity.SAFETY,
    RuleKind.NEWS2: FindingSeverity.SAFETY,
    RuleKind.THRESHOLD: FindingSeverity.MAJOR,
    RuleKind.CHANGE: FindingSeverity.MAJOR,
    RuleKind.JUMP: FindingSeverity.MINOR,
    RuleKind.MISSING_DIARIES: FindingSeverity.MINOR,
    RuleKind.DUPLICATE_DEVICE: FindingSeverity.MINOR,
}
_WORST_FIRST = (FindingSeverity.SAFETY, FindingSeverity.MAJOR, FindingSeverity.MINOR)
NO_ALERTS: Mapping[str, Any] = {
    "open": 0,
    "unacknowledged": 0,
    "overdue": 0,
    "next_due_at": None,
    "highest_severity": None,
}


def alert_counts(
    rows: QuerySet[Alert], patients: Iterable[UUID], at: datetime
) -> dict[UUID, dict[str, Any]]:
    """Return how those of `rows` stand that are not closed, by patient. One query.

    `next_due_at` is when one more is overdue, unless somebody acknowledges it: screens need no
    message for that.
    """
    is_open, is_overdue = Q(state=AlertState.OPEN), Q(due_at__lt=at)
    counted = (
        rows.filter(patient__in=list(patients), state__in=UNCLOSED)
        .order_by()
        .values_list("patient")
        .annotate(
            unclosed=Count("pk"),
            unacknowledged=Count("pk", filter=is_open),
            overdue=Count("pk", filter=is_open & is_overdue),
            next_due_at=Min("due_at", filter=is_open & ~is_overdue),
            kinds=ArrayAgg("kind", distinct=True),
        )
    )
    found = {}
    for patient, unclosed, unacknowledged, overdue, next_due_at, kinds in counted:
        severities = {SEVERITY[kind] for kind in kinds}
        found[patient] = {
            "open": unclosed,
            "unacknowledged": unacknowledged,
            "overdue": overdue,
            "next_due_at": next_due_at,
            "highest_severity": next(one for one in _WORST_FIRST if one in severities),
        }
    return found
