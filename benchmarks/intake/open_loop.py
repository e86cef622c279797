"""Eight in the morning: every patient on a new connection, whether or not others were answered."""

import argparse
import time
from pathlib import Path
from typing import Any

from contestants import CONTESTANTS, Contestant, Stage
from load import storm
from report import Goals

PATIENTS_A_SECOND = 10_000
MORNING, MORNING_SECONDS = 20_000, 60
MOST_P99_MS, MOST_SECONDS_AFTER = 100.0, 60.0


def measure(stage: Stage, client: Path, given: argparse.Namespace, goals: Goals) -> None:
    """Let 10,000 arrive in a second, and 20,000 in a minute with the pipeline running."""
    print("\nstorm: each patient a new connection; latency from the moment they meant to send")
    p99: dict[str, float] = {}
    for name in ("insert3", "insert", "asgi", "hot"):
        if name in given.only:
            said = _middle(stage, CONTESTANTS[name], client, given.runs)
            _show(name, said)
            p99[name] = said["p99"]
            if CONTESTANTS[name].is_portal:
                _all_there(name, said, goals)
    for name in ("asgi", "hot"):
        if name in p99 and "insert3" in p99:
            found = p99[name] / p99["insert3"]
            goals.check(
                f"{name}: p99 of 10,000 in 1 s at most half of insert3's",
                found <= 0.5,
                f"{found:.2f} of it",
            )
    if "asgi" in given.only:
        _morning(stage, client, goals)


def _middle(stage: Stage, one: Contestant, client: Path, runs: int) -> dict[str, Any]:
    said = []
    for _ in range(runs):
        with stage.running(one):
            said.append(storm(stage, one, client, PATIENTS_A_SECOND, 1))
    return sorted(said, key=lambda each: each["p99"])[(runs - 1) // 2]


def _show(name: str, said: dict[str, Any]) -> None:
    print(
        f"  {name:<10} {said['n']:>6} in {said['seconds']:>2.0f} s: {said['answers']}, "
        f"{said['rows']} rows, p50 {said['p50']:.0f}, p95 {said['p95']:.0f}, "
        f"p99 {said['p99']:.0f}, max {said['max']:.0f} ms, all within {said['took']:.1f} s",
        flush=True,
    )


def _all_there(name: str, said: dict[str, Any], goals: Goals) -> None:
    whole = said["answers"] == {"202": said["n"]} and said["rows"] == said["n"]
    goals.check(
        f"{name}: {said['n']:,} in {said['seconds']:g} s all 202, each with its row",
        whole,
        f"{said['answers']}, {said['rows']} rows",
    )


def _morning(stage: Stage, client: Path, goals: Goals) -> None:
    one = CONTESTANTS["draining"]
    with stage.running(one):
        said = storm(stage, one, client, MORNING, MORNING_SECONDS)
        ended = time.monotonic()
        while stage.pending() and time.monotonic() - ended < 2 * MOST_SECONDS_AFTER:
            time.sleep(0.2)
        after = time.monotonic() - ended
        left = stage.pending()
    _show("morning", said)
    _all_there("morning", said, goals)
    goals.check(
        f"20,000 in 60 s: p99 at most {MOST_P99_MS:g} ms",
        said["p99"] <= MOST_P99_MS,
        f"{said['p99']:.0f} ms",
    )
    goals.check(
        f"20,000 in 60 s: everything processed within {MOST_SECONDS_AFTER:.0f} s after",
        not left and after <= MOST_SECONDS_AFTER,
        f"{after:.1f} s, {left} left",
    )
