"""A patient's NEWS2 as updates and tiles tell it: the last set that stands, until it expires."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from patients.models import ObservationSet
from patients.rules.news2 import PARAMETERS
from patients.wall.readings import words


def news2_data(found: ObservationSet, at: datetime) -> dict[str, Any]:
    """Return what is told of a set at `at`; once it has expired nothing of it counts any more."""
    expired = found.expires_at is not None and found.expires_at <= at
    return {
        "score": None if expired else found.aggregate,
        "band": None if expired else found.band or None,
        "complete": not expired and not found.missing,
        "missing": list(PARAMETERS) if expired else words(found.missing),
        "set": found.pk,
        "expires_at": found.expires_at,
        "algorithm": f"{found.algorithm} {found.algorithm_version}",
    }


def standing(patients: Iterable[UUID]) -> Mapping[UUID, ObservationSet]:
    """Return the last set of each patient that no recompute has superseded. One query."""
    rows = ObservationSet.objects.filter(patient__in=list(patients), superseded_at=None)
    newest = rows.order_by("patient", "-closed_at", "-id").distinct("patient")
    return {row.patient_id: row for row in newest}
