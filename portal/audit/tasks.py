"""Scheduled jobs of audit."""

from portal.audit.sealing import seal
from portal.core.tasks import task


@task
def seal_audit() -> None:
    """Seal what was committed since the last time, and publish the head."""
    seal()
