"""Tiles of the clinicians' wall, one for each patient; the queries do not grow with them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patients import selectors
from patients.models import Alert
from patients.vocabulary import ScoreEligibility
from patients.wall.alerts import NO_ALERTS, alert_counts
from patients.wall.flow import last_received
from patients.wall.news2 import news2_data, standing
from patients.wall.readings import WATCHED, freshness, tile_reading
from patients.wall.untold import told_latest, told_of_each
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.accounts.models import User


def tiles(patients: Sequence[Any], user: User, at: datetime) -> list[dict[str, Any]]:
    """Return the tile of each of `patients`, which `user` may monitor.

    What cannot be told is named on the tile, and is no reason to tell less of anybody else.
    """
    keys = [patient.id for patient in patients]
    fresh = freshness(patient.site_id for patient in patients)
    rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_MONITOR)
    told, untold = told_latest(rows, keys, WATCHED, lambda row: tile_reading(row, fresh))
    readings: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row, data in told:
        readings[row.patient_id].append(data)
    watched = visible(Alert.objects.all(), user, Permission.ALERT_VIEW)
    sets = told_of_each("news2", keys, lambda some: _news2(some, at), untold)
    eligible = told_of_each(
        "news2_eligibility", keys, lambda some: selectors.news2_eligibility(some, at), untold
    )
    alerts = told_of_each("alerts", keys, lambda some: alert_counts(watched, some, at), untold)
    received = told_of_each("last_received_at", keys, last_received, untold)
    made = []
    for patient in patients:
        unknown = untold.get(patient.id, set())
        made.append(
            {
                "id": patient.id,
                "patient": patient.id,
                "subject_number": patient.subject_number,
                "trial": patient.trial_id,
                "site": patient.site_id,
                "participation": patient.participation,
                "vitals": readings.get(patient.id, []),
                "news2": sets.get(patient.id),
                "news2_eligibility": eligible.get(
                    patient.id, ScoreEligibility.NOT_ELIGIBLE_UNKNOWN
                ),
                "alerts": None if "alerts" in unknown else alerts.get(patient.id, NO_ALERTS),
                "last_received_at": received.get(patient.id),
                "untold": sorted(unknown),
                "server_time": at,
            }
        )
    return made


def _news2(patients: Sequence[UUID], at: datetime) -> dict[UUID, dict[str, Any]]:
    return {patient: news2_data(found, at) for patient, found in standing(patients).items()}
