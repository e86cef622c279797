"""Scheduled jobs of the live side."""

from portal.core import clock
from portal.core.tasks import task
from portal.live.services.tidying import forget_what_is_over


@task
def tidy_live() -> None:
    """Forget tickets, notes and updates that nobody needs any more."""
    forget_what_is_over(at=clock.now())
