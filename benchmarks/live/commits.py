"""From the commit of a vital sign to its frame on every dashboard, through the whole portal."""

import argparse
import json
import subprocess
import sys

from bed import wait_until
from ground import HERE, PORT, Client, Ground, answer
from report import Goals

PER_SECOND = 20
MOST_P50_MS, MOST_P99_MS = 15.0, 50.0


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Measure; the goals are those of the median run."""
    print(f"\ncommits: {given.sockets} dashboards, {PER_SECOND} readings/s, {given.seconds:g} s")
    runs = sorted((_run(ground, given) for _ in range(given.runs)), key=lambda run: run[2])
    for p50, p95, p99, most, lost in runs:
        print(f"  p50 {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}, longest {most:.1f}; {lost} lost")
    p50, _p95, p99, _most, _lost = runs[(len(runs) - 1) // 2]
    lost = sum(run[4] for run in runs)
    print()
    goals.check("every reading reaches every dashboard", lost == 0, f"{lost} lost")
    what = "commit to frame"
    goals.check(f"{what}: p50 at most {MOST_P50_MS:g} ms", p50 <= MOST_P50_MS, f"{p50:.1f} ms")
    goals.check(f"{what}: p99 at most {MOST_P99_MS:g} ms", p99 <= MOST_P99_MS, f"{p99:.1f} ms")


def _run(ground: Ground, given: argparse.Namespace) -> tuple[float, float, float, float, int]:
    ground.renew_portal()
    processes = [ground.program("web"), ground.program("live")]
    try:
        wait_until(lambda: answer(processes, [PORT]), 60, "the portal answers")
        client = Client(ground, "portal", "-n", str(given.sockets), "-log", '"reading":"')
        count = int(PER_SECOND * given.seconds)
        command = [sys.executable, str(HERE / "readings.py"), str(count), str(PER_SECOND)]
        done = subprocess.run(
            [*command, *ground.ward["patients"]],
            env=ground.environment("command"),
            capture_output=True,
            text=True,
            check=True,
        )
        heard = client.go()["arrivals"]
    finally:
        for process in processes:
            process.stop()
    latencies, lost = [], 0
    for line in done.stdout.splitlines():
        reading, committed = json.loads(line)
        arrived = heard.get(reading, [])
        lost += given.sockets - len(arrived)
        latencies += [(at - committed) / 1000 for at in arrived]
    latencies.sort()
    at = [latencies[int((len(latencies) - 1) * p)] for p in (0.5, 0.95, 0.99, 1)]
    return at[0], at[1], at[2], at[3], lost
