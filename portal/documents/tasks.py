"""Scheduled jobs of reports."""

from portal.core import clock
from portal.core.tasks import task
from portal.documents.services.tidying import tidy


@task
def tidy_reports() -> None:
    """Remove files whose time is over, and what dead processes left."""
    tidy(at=clock.now())
