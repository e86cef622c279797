"""Scheduled jobs of patients."""

from patients.services import diaries
from portal.core import clock
from portal.core.tasks import task


@task
def miss_diaries() -> None:
    """Count the diary days that went by without a diary, after window and offline grace."""
    diaries.miss_diaries(at=clock.now())
