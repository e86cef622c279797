"""Scheduled jobs of accounts."""

from portal.accounts.services.expiry import close_expired
from portal.core import clock
from portal.core.tasks import task


@task
def close_expired_sessions() -> None:
    """Mark sessions that ran out, and forget what has no effect any more."""
    close_expired(at=clock.now())
