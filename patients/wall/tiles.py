"""Tiles of the clinicians' wall, one for each patient; the queries do not grow with them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q, QuerySet

from patients import selectors
from patients.models import UNCLOSED, Alert
from patients.vocabulary import AlertState, FindingSeverity, RuleKind
from patients.wall.flow import last_received
from patients.wall.news2 import news2_data, standing
from patients.wall.readings import freshness, latest, reading_data
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.accounts.models import User

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
_NO_ALERTS = {"open": 0, "unacknowledged": 0, "overdue": 0, "highest_severity": None}


def tiles(patients: Sequence[Any], user: User, at: datetime) -> list[dict[str, Any]]:
    """Return the tile of each of `patients`, which `user` may monitor."""
    keys = [patient.id for patient in patients]
    fresh = freshness(patient.site_id for patient in patients)
    rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_MONITOR)
    readings: dict[UUID, list[Any]] = defaultdict(list)
    for row in latest(rows, keys):
        readings[row.patient_id].append(row)
    sets = standing(keys)
    eligible = selectors.news2_eligibility(keys, at)
    alerts = _alerts(visible(Alert.objects.all(), user, Permission.ALERT_VIEW), keys, at)
    received = last_received(keys)
    made = []
    for patient in patients:
        own = readings.get(patient.id, [])
        found = sets.get(patient.id)
        made.append(
            {
                "id": patient.id,
                "patient": patient.id,
                "subject_number": patient.subject_number,
                "trial": patient.trial_id,
                "site": patient.site_id,
                "participation": patient.participation,
                "vitals": [reading_data(row, fresh) for row in own],
                "news2": None if found is None else news2_data(found, at),
                "news2_eligibility": eligible[patient.id],
                "alerts": alerts.get(patient.id, _NO_ALERTS),
                "last_received_at": received[patient.id],
                "server_time": at,
            }
        )
    return made


def _alerts(
    rows: QuerySet[Alert], patients: Iterable[UUID], at: datetime
) -> dict[UUID, dict[str, Any]]:
    is_open = Q(state=AlertState.OPEN)
    counted = (
        rows.filter(patient__in=list(patients), state__in=UNCLOSED)
        .order_by()
        .values_list("patient")
        .annotate(
            unclosed=Count("pk"),
            unacknowledged=Count("pk", filter=is_open),
            overdue=Count("pk", filter=is_open & Q(due_at__lt=at)),
            kinds=ArrayAgg("kind", distinct=True),
        )
    )
    found = {}
    for patient, unclosed, unacknowledged, overdue, kinds in counted:
        severities = {SEVERITY[kind] for kind in kinds}
        found[patient] = {
            "open": unclosed,
            "unacknowledged": unacknowledged,
            "overdue": overdue,
            "highest_severity": next(one for one in _WORST_FIRST if one in severities),
        }
    return found
