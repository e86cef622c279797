"""Run what is due in this process: for tests, by hand, and as the guarantee beside the relay."""

import time

from portal.outbox import leases
from portal.outbox.deliver import run_chunk
from portal.outbox.kinds import Lane


def drain_outbox(limit: int | None = None) -> int:
    """Run everything due until nothing is left, or `limit` were; return how many were started."""
    count = 0
    while limit is None or count < limit:
        room = leases.CHUNK if limit is None else min(leases.CHUNK, limit - count)
        ran = _round(room, overdue=0)
        if ran is None:
            break
        count += ran
    return count


def sweep(*, overdue_seconds: float, budget_seconds: float) -> int:
    """Run what nobody has taken for so long, until the budget is used up; return how many."""
    count, until = 0, time.monotonic() + budget_seconds
    while time.monotonic() < until:
        ran = _round(leases.CHUNK, overdue=overdue_seconds)
        if ran is None:
            break
        count += ran
    return count


def _round(room: int, *, overdue: float) -> int | None:
    """Run one lease of the first lane that has work; None when there is none."""
    for lane in Lane:
        chunks = leases.lease(lane, room, seconds=leases.STARTED_SECONDS, overdue=overdue)
        if chunks:
            return sum(run_chunk(chunk) for chunk in chunks)
    return None
