"""Jobs of the outbox: a chunk that the relay sent, the sweep, the purge."""

from datetime import datetime

from portal.core.tasks import task
from portal.outbox.deliver import run
from portal.outbox.drain import sweep
from portal.outbox.purge import purge

OVERDUE_SECONDS = 20.0
BUDGET_SECONDS = 20.0


@task
def deliver(*, ids: str = "", token: str = "") -> None:
    """Run the deliveries of one lease; what is no longer under it is somebody else's."""
    run([int(key) for key in ids.split(",")], datetime.fromisoformat(token))


@task
def sweep_outbox() -> None:
    """Run what is overdue: the relay is dead or stuck."""
    sweep(overdue_seconds=OVERDUE_SECONDS, budget_seconds=BUDGET_SECONDS)


@task
def purge_outbox() -> None:
    """Forget what was done long ago."""
    purge()
