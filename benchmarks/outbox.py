"""What the queue itself costs: rows to receipts with a trivial step, against one task per report.

Both sides in one run, on durable servers, with two worker processes and kept connections. Figure:
at least 15 times one Celery task for each report.

    ./run bench outbox [--rows N] [--each N] [--runs N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from _run import head, own_portal, verdict

from portal.embedded.home import ROOT

LEAST_RATIO = 15.0
PATIENCE_SECONDS = 600.0
WORKER = ("worker", "-Q", "safety,default,outbox", "--concurrency", "2",
          "--without-gossip", "--without-mingle")  # fmt: skip


def main() -> int:
    """Run the benchmark and say whether the figure holds."""
    if len(sys.argv) > 1 and sys.argv[1] in ("worker", "relay"):
        return child(sys.argv[1])
    parser = argparse.ArgumentParser(prog="./run bench outbox")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    head(f"./run bench outbox --rows {given.rows} --each {given.each} --runs {given.runs}")
    # Three lines of log for each task would slow the side with more tasks.
    os.environ["PORTAL_LOG_LEVEL"] = "WARNING"
    with own_portal():
        each_task = register()
        chunked, each = [], []
        with running("worker"):
            for _ in range(given.runs):
                chunked.append(measure_outbox(given.rows))
                each.append(measure_each(given.each, each_task))
    fast, slow = statistics.median(chunked), statistics.median(each)
    print(f"outbox    {fast:,.0f} jobs/s (runs {[round(x) for x in chunked]})")
    print(f"each      {slow:,.0f} jobs/s (runs {[round(x) for x in each]})")
    goal = f"at least {LEAST_RATIO:.0f} times one task for each report"
    ratio = fast / slow
    return 0 if verdict(goal, f"{ratio:.1f} times", is_met=ratio >= LEAST_RATIO) else 1


def register() -> object:
    """Register the trivial handler and the task that does the same for one report."""
    from portal.core.tasks import task
    from portal.outbox import registry
    from portal.outbox.kinds import Kind

    registry.HANDLERS.clear()
    nothing.__module__ = each.__module__ = "benchmarks.outbox"
    registry.handles_many(Kind.REPORT_RECEIVED)(nothing)
    return task(each)


def nothing(messages: Sequence[object]) -> None:
    """Take a chunk; the receipt alone is written."""


def each(*, id: int = 0) -> None:
    """Mark one row as done, as the chunk's receipt does."""
    from portal.outbox.models import OutboxDelivery, database_clock

    OutboxDelivery.objects.filter(pk=id, state="pending").update(
        state="done", finished_at=database_clock(), attempts=1
    )


def child(what: str) -> int:
    """Be a worker or a relay that knows the handler."""
    import django

    django.setup()
    register()
    if what == "relay":
        from django.core.management import call_command

        call_command("relay")
    else:
        from portal.celery import app

        app.worker_main(["--quiet", *WORKER])
    return 0


@contextmanager
def running(what: str) -> Iterator[None]:
    """Run a child, and end it."""
    process = subprocess.Popen(
        [sys.executable, __file__, what],
        env=os.environ | {"PORTAL_PROCESS": what, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def fill(count: int) -> list[int]:
    """Write the deliveries as the intake does: many messages in one statement."""
    from django.db import connection

    from portal.outbox.kinds import Kind
    from portal.outbox.sql import deliveries_cte

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM outbox_outboxdelivery")
        cursor.execute(
            "WITH given AS (SELECT gen_random_uuid() AS message_id, 'epro_report' AS resource, "
            "gen_random_uuid() AS record_id, %s::uuid AS ordering_key, NULL::uuid AS trial_id, "
            "NULL::uuid AS site_id, 1 AS lane, '{}'::jsonb AS payload "
            f"FROM generate_series(1, %s)) {deliveries_cte(Kind.REPORT_RECEIVED, source='given')} "
            "RETURNING id",
            [uuid4(), count],
        )
        return [row[0] for row in cursor.fetchall()]


def measure_outbox(count: int) -> float:
    """Return jobs per second from the first lease to the last receipt."""
    from portal.outbox.models import OutboxDelivery

    fill(count)
    with running("relay"):
        # The relay's start is not measured.
        wait_until(lambda: OutboxDelivery.objects.filter(state="done").exists())
        before = OutboxDelivery.objects.filter(state="done").count()
        started = time.perf_counter()
        wait_until(lambda: not OutboxDelivery.objects.filter(state="pending").exists())
        return (count - before) / (time.perf_counter() - started)


def measure_each(count: int, to: object) -> float:
    """Return jobs per second of one task per report, sending included."""
    from portal.core import tasks
    from portal.outbox.models import OutboxDelivery

    keys = fill(count)
    started = time.perf_counter()
    for key in keys:
        tasks.send(to, queue="default", id=key)
    wait_until(lambda: not OutboxDelivery.objects.filter(state="pending").exists())
    return count / (time.perf_counter() - started)


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until it is so."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise SystemExit("the queue does not drain")
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
