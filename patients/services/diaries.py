"""Diary days that went by."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from patients.pipeline import REASON, diary_days
from patients.pipeline.alerts import raise_alerts
from patients.pipeline.chunk import lock_patients
from portal.core.history import acting
from portal.core.ids import PIPELINE_ACCOUNT

_AT_ONCE = 100


def miss_diaries(*, by: UUID = PIPELINE_ACCOUNT, at: datetime, reason: str = REASON) -> int:
    """Mark days as missed and hold the rules about missing diaries against them.

    A day counts only after its window and the site's offline grace; a late report reopens it.
    Locks: an advisory lock for each patient. Emits: ALERT_RAISED.
    """
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(diary_days.DUE_PATIENTS, [diary_days.DEFAULT_GRACE_HOURS, at, _AT_ONCE])
            patients = [key for (key,) in cursor.fetchall()]
        if not patients:
            return total
        with acting(by=by, at=at, reason=reason):
            lock_patients(patients)
            jobs = diary_days.miss(patients, at)
            raise_alerts(jobs, at)
        total += len(patients)
