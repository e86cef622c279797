"""The closed loop: each connection sends its next report when the last one was answered."""

import argparse
from collections.abc import Mapping

from contestants import CONTESTANTS, Stage
from load import Run, median, wrk
from report import Goals

Results = Mapping[tuple[str, int], Run]
# (ours, theirs, at least so many times, at these connections or at all)
GOALS = (
    ("asgi", "insert3", 2.3),
    ("hot", "insert3", 3.0),
    ("asgi", "insert", 1.5),
    ("hot", "insert", 1.5),
    ("asgi", "drf", 25.0),
    ("hot", "drf", 25.0),
    ("draining", "insert3", 1.0),
)
MOST_P95_MS, AT_CONNECTIONS = 35.0, 256
MOST_DRF_RUNS = 1  # it is slow, and nothing hangs on its third digit


def measure(stage: Stage, given: argparse.Namespace, goals: Goals) -> None:
    """Measure every contestant at every number of connections, and compare."""
    print(
        f"\nclosed loop: wrk -t1, {given.seconds:g} s after {given.warm_up:g} s, "
        f"median of {given.runs}, in turn"
    )
    print(
        f"  {'contestant':<10} {'conns':>5} {'202/s':>8} {'p50':>7} {'p95':>7} {'p99':>8} "
        f"{'max':>8} {'other':>6} {'rows':>9}  runs"
    )
    results: dict[tuple[str, int], Run] = {}
    for connections in given.connections:
        runs = _rounds(stage, connections, given)
        for name in given.only:
            results[name, connections] = _tell(name, connections, runs[name], goals)
    compare(results, given, goals)


def _rounds(stage: Stage, connections: int, given: argparse.Namespace) -> dict[str, list[Run]]:
    """Run the contestants in turn: an hour in which the machine is slow is slow for everybody."""
    runs: dict[str, list[Run]] = {name: [] for name in given.only}
    for number in range(given.runs):
        for name in given.only:
            if name == "drf" and number >= MOST_DRF_RUNS:
                continue
            with stage.running(CONTESTANTS[name]):
                one = wrk(stage, CONTESTANTS[name], connections, given.seconds, given.warm_up)
            runs[name].append(one)
    return runs


def _tell(name: str, connections: int, runs: list[Run], goals: Goals) -> Run:
    one = median(runs)
    honest = all(run.is_honest for run in runs)
    print(
        f"  {name:<10} {connections:>5} {one.per_second:>8.0f} {one.p50:>7.1f} {one.p95:>7.1f} "
        f"{one.p99:>8.1f} {one.longest:>8.1f} {sum(run.others for run in runs):>6} "
        f"{'= 202s' if honest else 'WRONG':>9}  {[round(run.per_second) for run in runs]}",
        flush=True,
    )
    if not honest:
        counts = ", ".join(f"{run.accepted} answered, {run.rows} stored" for run in runs)
        goals.check(f"{name} at {connections}: each 202 has its row", False, counts)
    return one


def compare(results: Results, given: argparse.Namespace, goals: Goals) -> None:
    """Print ratios and verdicts."""
    print()
    for connections in given.connections:
        for ours, theirs, least in GOALS:
            pair = (results.get((ours, connections)), results.get((theirs, connections)))
            if pair[0] and pair[1]:
                what = f"{ours} to {theirs} at {connections} connections"
                goals.ratio(what, pair[0].per_second, pair[1].per_second, least)
    for name in ("asgi", "hot"):
        one = results.get((name, AT_CONNECTIONS))
        if one:
            goals.check(
                f"{name}: p95 at most {MOST_P95_MS:g} ms at {AT_CONNECTIONS} connections",
                one.p95 <= MOST_P95_MS,
                f"{one.p95:.1f} ms",
            )
