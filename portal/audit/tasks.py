"""Scheduled jobs of audit."""

from portal.audit import nightly
from portal.audit.sealing import seal
from portal.core import clock
from portal.core.tasks import task


@task
def seal_audit() -> None:
    """Seal what was committed since the last time, and publish the head."""
    seal()


@task
def verify_audit() -> None:
    """Verify the whole trail against the witness, and write down what came of it."""
    nightly.verify_and_record(at=clock.now())
