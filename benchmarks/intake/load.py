"""The load: wrk in a closed loop, the storm client in an open one; rows counted after each."""

import json
import os
import secrets
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bed import HERE, Bed
from contestants import PORT, Contestant, Stage

ADDRESS = f"127.0.0.1:{PORT}"


@dataclass(frozen=True)
class Run:
    """One run of wrk against one contestant."""

    per_second: float
    p50: float
    p95: float
    p99: float
    longest: float
    accepted: int
    others: int
    rows: int
    connections: int

    @property
    def is_honest(self) -> bool:
        """Every 202 has its row; wrk drops what is in flight when it stops."""
        return self.accepted <= self.rows <= self.accepted + self.connections


def wrk(
    stage: Stage, one: Contestant, connections: int, seconds: float, warm_up: float, ids: str = "v7"
) -> Run:
    """Run wrk once, after a warm-up; the rows are those of the measured part."""
    bed = stage.bed
    if warm_up:
        _wrk(stage, one, connections, warm_up, ids)
    # What the warm-up left in flight is not the measured part's.
    before = settled_count(bed, one)
    said = _wrk(stage, one, connections, seconds, ids)
    rows = settled_count(bed, one) - before
    accepted = said["requests"] - said["status"]
    return Run(
        accepted / (said["duration_us"] / 1e6),
        said["p50"],
        said["p95"],
        said["p99"],
        said["max"],
        accepted,
        said["status"] + said["read"] + said["timeout"] + said["connect"],
        rows,
        connections,
    )


def settled_count(bed: Bed, one: Contestant) -> int:
    """Count the rows once nothing is in flight any more."""
    last = -1
    while (now := bed.count(*one.table())) != last:
        last = now
        time.sleep(0.3)
    return now


def _wrk(
    stage: Stage, one: Contestant, connections: int, seconds: float, ids: str
) -> dict[str, Any]:
    bed = stage.bed
    script = HERE / "portal.lua" if one.is_portal else stage.peers / "epro.lua"
    tokens = bed.portal_tokens if one.is_portal else bed.peer_tokens
    environment = os.environ | {
        "BENCH_TOKENS": str(tokens),
        "BENCH_PATH": one.path,
        "BENCH_RUN": secrets.token_hex(2),
        "BENCH_IDS": ids,
    }
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s"]
    command += ["-s", str(script), f"http://{ADDRESS}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("JSON"))
    said = json.loads(line[4:])
    # The peers' script names the errors otherwise.
    return {key.removeprefix("e_"): value for key, value in said.items()}


def storm(
    stage: Stage, one: Contestant, client: Path, patients: int, seconds: float
) -> dict[str, Any]:
    """Let patients arrive on new connections; add how many rows there are for it."""
    bed = stage.bed
    tokens = bed.portal_tokens if one.is_portal else bed.peer_tokens
    before = bed.count(*one.table())
    command = [str(client), "-n", str(patients), "-seconds", f"{seconds:g}", "-addr", ADDRESS]
    command += ["-path", one.path, "-tokens", str(tokens)]
    command += ["-shape", "portal" if one.is_portal else "peer"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) | {"rows": settled_count(bed, one) - before}


def median(runs: list[Run]) -> Run:
    """Return the run in the middle, by what it did in a second."""
    middle = statistics.median_low([run.per_second for run in runs])
    return next(run for run in runs if run.per_second == middle)
