"""How data flow from patients: what monitors and sponsors see instead of values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from patients.models import DataFinding, DiaryAssignment, QuarantinedSubmission
from patients.vocabulary import DiaryState, FindingState, VitalCode
from patients.wall.untold import Untold, told_of_each

# What was written last nearly always came last; so many are looked at to be sure.
_LAST_RECEIVED = """
SELECT p.id, greatest(
    (SELECT max(r.received_at) FROM (
        SELECT e.received_at FROM patients_eproreport e WHERE e.patient_id = p.id
        ORDER BY e.authored_at DESC, e.id DESC LIMIT 20) r),
    (SELECT max(v.received_at) FROM unnest(%s::text[]) AS c(code), LATERAL (
        SELECT s.received_at FROM patients_vitalsign s
        WHERE s.patient_id = p.id AND s.code = c.code AND s.measured_earliest IS NOT NULL
        ORDER BY s.measured_earliest DESC, s.id DESC LIMIT 3) v)
)
FROM unnest(%s::uuid[]) AS p(id)
"""


def last_received(patients: Iterable[UUID]) -> Mapping[UUID, datetime | None]:
    """Return when something of each patient was received last. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_RECEIVED, [VitalCode.values, list(patients)])
        return dict(cursor.fetchall())


def flow(patients: Sequence[Any], at: datetime) -> list[dict[str, Any]]:
    """Return how the data of each of `patients` flow; no value is among it."""
    keys, untold = [patient.id for patient in patients], Untold(set)
    received = told_of_each("last_received_at", keys, last_received, untold)
    days = _days(keys)
    findings = _counts(DataFinding.objects.filter(state=FindingState.OPEN), keys)
    quarantined = _counts(QuarantinedSubmission.objects.filter(resolved_at=None), keys)
    return [
        {
            "id": patient.id,
            "patient": patient.id,
            "subject_number": patient.subject_number,
            "trial": patient.trial_id,
            "site": patient.site_id,
            "participation": patient.participation,
            "last_received_at": received.get(patient.id),
            "missing_days": days.get(patient.id, (0, 0))[0],
            "late_reports": days.get(patient.id, (0, 0))[1],
            "open_findings": findings.get(patient.id, 0),
            "quarantined": quarantined.get(patient.id, 0),
            "untold": sorted(untold.get(patient.id, ())),
            "server_time": at,
        }
        for patient in patients
    ]


def _days(patients: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    rows = DiaryAssignment.objects.filter(
        patient__in=patients, state__in=[DiaryState.MISSED, DiaryState.LATE]
    )
    counted = (
        rows.order_by()
        .values_list("patient")
        .annotate(
            missed=Count("pk", filter=Q(state=DiaryState.MISSED)),
            late=Count("pk", filter=Q(state=DiaryState.LATE)),
        )
    )
    return {patient: (missed, late) for patient, missed, late in counted}


def _counts(rows: Any, patients: Sequence[UUID]) -> dict[UUID, int]:
    counted = rows.filter(patient__in=patients).order_by().values_list("patient")
    return dict(counted.annotate(Count("pk")))
