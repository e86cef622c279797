"""Fan-out: from the publishing of a message to its frame on every socket."""

import argparse
import statistics
from typing import Any

from ground import Client, Ground, cpu_seconds
from report import Goals

NAMES = {"go": "Go hub", "channels": "documented Channels", "portal": "portal"}
AT_RATE = 20
# The documented set-up falls behind at once: what waits for it is not worth waiting for.
CHANNELS_RUNS = 1


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Measure every contestant at a rate and at saturation, and compare."""
    print(f"\nfan-out: {given.sockets} sockets on one topic, {given.seconds:g} s, ", end="")
    print(f"median of {given.runs}; us: server's processor time per delivery")
    print(
        f"  {'contestant':<20} {'rate':>5} {'deliv/s':>9} {'p50':>7} {'p95':>7} {'p99':>7} ", end=""
    )
    print(f"{'lost':>6} {'us':>6} {'client':>6}  runs")
    found = {}
    for rate in (AT_RATE, 0):
        for kind in given.only:
            found[kind, rate] = _median(ground, kind, rate, given)
    compare(found, goals)


def _median(ground: Ground, kind: str, rate: int, given: argparse.Namespace) -> dict[str, Any]:
    runs = []
    for _ in range(CHANNELS_RUNS if kind == "channels" else given.runs):
        with ground.running(kind) as server:
            runs.append(_run(ground, kind, rate, given, server.process.pid))
    by = (lambda one: one["p99"]) if rate else (lambda one: one["per_second"])
    middle = statistics.median_low([by(one) for one in runs])
    one = next(one for one in runs if by(one) == middle)
    print(
        f"  {NAMES[kind]:<20} {rate or 'max':>5} {one['per_second']:>9.0f} {one['p50']:>7.1f} "
        f"{one['p95']:>7.1f} {one['p99']:>7.1f} {sum(r['lost'] for r in runs):>6} "
        f"{one['us']:>6.1f} {one['client_us']:>6.1f}  {[round(by(r), 1) for r in runs]}",
        flush=True,
    )
    return one | {"lost": sum(run["lost"] for run in runs)}


def _run(
    ground: Ground, kind: str, rate: int, given: argparse.Namespace, pid: int
) -> dict[str, Any]:
    options = ["-n", given.sockets, "-rate", rate, "-secs", given.seconds]
    options += ["-publish", ground.publishes_through(kind), "-window", given.window]
    client = Client(ground, kind, *map(str, options))
    before = cpu_seconds(pid)
    said = client.go()
    count = said["got"] or 1
    said["us"] = (cpu_seconds(pid) - before) / count * 1e6
    said["client_us"] = said["cpu"] / count * 1e6
    return said


def compare(found: dict[tuple[str, int], dict[str, Any]], goals: Goals) -> None:
    """Print ratios and verdicts."""
    print()
    ours = found.get(("portal", 0))
    for kind, least in (("channels", 10.0), ("go", 0.35)):
        theirs = found.get((kind, 0))
        if ours and theirs:
            what = f"deliveries/s at saturation, portal to {NAMES[kind]}"
            goals.ratio(what, ours["per_second"], theirs["per_second"], least)
    for key in (("portal", AT_RATE), ("portal", 0)):
        if key in found:
            lost = found[key]["lost"]
            goals.check(f"nothing lost at rate {key[1] or 'max'}", lost == 0, f"{lost} lost")
