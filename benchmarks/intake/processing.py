"""How fast the pipeline works off what intake stored: two worker processes, real steps."""

import argparse
import time
from dataclasses import dataclass

import psutil
from bed import wait_until
from contestants import CONTESTANTS, Stage
from load import wrk
from report import Goals

LEAST_PER_SECOND = 2000.0
# Resident memory may move by so much between a quarter of the work and its end.
MOST_GROWTH = 1.15
FILL_SECONDS = 5.0
MOST_SECONDS = 3600.0
_PACE = (
    "SELECT count(*), extract(epoch FROM max(finished_at) - min(finished_at)) "
    "FROM outbox_outboxdelivery WHERE state = 'done' AND kind = 'report.received'"
)


@dataclass(frozen=True)
class Sample:
    """What was left to do, and the memory of all processes at that moment, in MB."""

    pending: int
    megabytes: float


def measure(stage: Stage, given: argparse.Namespace, goals: Goals) -> None:
    """Store reports with no worker, then let relay and workers begin."""
    one = CONTESTANTS["asgi"]
    with stage.running(one):
        while stage.pending() < given.reports:
            wrk(stage, one, 64, FILL_SECONDS, 0)
        waiting = stage.pending()
    programs = [stage.program(name) for name in ("worker", "relay")]
    try:
        samples = _watch(stage, [program.process.pid for program in programs])
        for program in programs:
            program.check()
    finally:
        for program in programs:
            program.stop()
    done, seconds = stage.bed.row("portal", _PACE)
    rate = float(done) / float(seconds) if seconds else 0.0
    print(f"\npipeline: {waiting:,} reports stored before the workers began, 2 worker processes")
    print(f"  {done:,} processed in {float(seconds or 0):.1f} s: {rate:.0f} reports/s")
    goals.check(
        f"pipeline: at least {LEAST_PER_SECOND:g} reports/s",
        rate >= LEAST_PER_SECOND,
        f"{rate:.0f}",
    )
    failed = stage.bed.count("portal", "outbox_outboxdelivery", "state = 'dead'")
    goals.check("pipeline: nothing is dead", failed == 0, f"{failed} dead")
    early = next((s for s in samples if s.pending <= 0.75 * waiting), samples[0])
    growth = samples[-1].megabytes / early.megabytes
    goals.check(
        f"pipeline: memory flat over {waiting:,} reports",
        growth <= MOST_GROWTH,
        f"{early.megabytes:.0f} MB after a quarter, {samples[-1].megabytes:.0f} MB at the end",
    )


def _watch(stage: Stage, pids: list[int]) -> list[Sample]:
    """Sample until nothing is left."""
    samples: list[Sample] = []
    ends = time.monotonic() + MOST_SECONDS
    wait_until(lambda: _tree(pids) > 0, 60, "the workers have begun")
    while not samples or samples[-1].pending:
        samples.append(Sample(stage.pending(), _tree(pids)))
        if time.monotonic() > ends:
            raise SystemExit(f"{samples[-1].pending} reports were never processed")
        time.sleep(0.5)
    return samples


def _tree(pids: list[int]) -> float:
    """Return the memory of processes and their children."""
    total = 0
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            try:
                total += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return total / 2**20
