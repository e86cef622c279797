"""Scheduled jobs of patients."""

from patients.services import diaries, diary_plans, observation_sets, telling
from portal.core import clock
from portal.core.ids import PIPELINE_ACCOUNT
from portal.core.tasks import task


@task
def plan_diaries() -> None:
    """Make the diary days of the coming week."""
    diary_plans.plan_diaries(at=clock.now())


@task
def miss_diaries() -> None:
    """Count the diary days that went by without a diary, after window and offline grace."""
    diaries.miss_diaries(at=clock.now())


@task
def expire_observation_sets() -> None:
    """Take NEWS2 down from the walls when its set has expired."""
    observation_sets.expire_sets(by=PIPELINE_ACCOUNT, at=clock.now(), reason="the set has expired")


@task
def tell_of_quarantine() -> None:
    """Tell sites of uploads that were set aside."""
    telling.tell_of_quarantine(at=clock.now())
