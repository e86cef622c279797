"""Scheduled jobs of the API."""

from portal.api import idempotency
from portal.core import clock
from portal.core.tasks import task


@task
def forget_stored_answers() -> None:
    """Delete the answers that nobody will ask for again."""
    idempotency.forget(clock.now())
