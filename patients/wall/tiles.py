"""Tiles of the clinicians' wall, one for each patient; the queries do not grow with them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patients import selectors
from patients.models import Alert
from patients.wall.alerts import NO_ALERTS, alert_counts
from patients.wall.flow import last_received
from patients.wall.news2 import news2_data, standing
from patients.wall.readings import WATCHED, freshness, latest, tile_reading
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.accounts.models import User


def tiles(patients: Sequence[Any], user: User, at: datetime) -> list[dict[str, Any]]:
    """Return the tile of each of `patients`, which `user` may monitor."""
    keys = [patient.id for patient in patients]
    fresh = freshness(patient.site_id for patient in patients)
    rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_MONITOR)
    readings: dict[UUID, list[Any]] = defaultdict(list)
    for row in latest(rows, keys, WATCHED):
        readings[row.patient_id].append(row)
    sets = standing(keys)
    eligible = selectors.news2_eligibility(keys, at)
    alerts = alert_counts(visible(Alert.objects.all(), user, Permission.ALERT_VIEW), keys, at)
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
                "vitals": [tile_reading(row, fresh) for row in own],
                "news2": None if found is None else news2_data(found, at),
                "news2_eligibility": eligible[patient.id],
                "alerts": alerts.get(patient.id, NO_ALERTS),
                "last_received_at": received[patient.id],
                "server_time": at,
            }
        )
    return made
