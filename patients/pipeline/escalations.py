"""Alerts climb the medical ladder from the transaction that raises them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from patients.models import Alert, Patient
from portal.notices.kinds import NoticeKind
from portal.notices.services.escalating import Start, start
from portal.notices.services.telling import About


def escalate(raised: Mapping[UUID, Any], renewed: Iterable[UUID], at: datetime) -> None:
    """Let medical alerts climb: those just raised, and those that fired again.

    One that climbs already goes on; one that somebody had, and that fired again, climbs anew.
    """
    keys = {*raised, *renewed}
    if not keys:
        return
    rows = Alert.objects.filter(pk__in=keys, is_medical=True).only(
        "patient_id", "trial_id", "site_id", "due_at"
    )
    alerts = list(rows)
    subjects = dict(
        Patient.objects.filter(pk__in={row.patient_id for row in alerts}).values_list(
            "pk", "subject_number"
        )
    )
    again = set(renewed)
    start(
        [
            Start(
                NoticeKind.ALERT_RAISED,
                About(
                    resource="alert",
                    record=row.pk,
                    trial=row.trial_id,
                    site=row.site_id,
                    patient=row.patient_id,
                    subject_number=subjects[row.patient_id],
                ),
                occasion=f"fired {at.isoformat()}" if row.pk in again else "",
                due_at=row.due_at,
            )
            for row in alerts
        ],
        at=at,
    )
