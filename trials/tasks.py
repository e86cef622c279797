"""Scheduled jobs of trials."""

from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.tasks import task
from trials.services import access


@task
def sync_access() -> None:
    """Bring the index of rights in line with assignments that began or ended meanwhile."""
    with acting(by=SYSTEM_ACCOUNT, reason="scheduled"):
        access.sync_access(at=clock.now())
