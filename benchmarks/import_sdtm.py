"""How long and how much memory the import of a whole study takes, history included.

Figure: the CDISC pilot study (91,986 rows) in at most 30 s and 1 GB on 2 cores. Each run is the
command as a person types it, in a database of its own on durable servers (fsync on); making that
database is not timed. Memory is the importer's peak and, beside it, the peak of the database's
processes (proportional share, so that shared buffers count once).

    ./run bench import_sdtm [--data DIR] [--runs N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from _run import head, own_portal, verdict

from portal.embedded.home import ROOT

REAL_DATA = Path(os.environ.get("PORTAL_REAL_DATA", ROOT.parent / "shared" / "data"))
MOST_SECONDS = 30.0
MOST_MB = 1024


def main() -> int:
    """Run the benchmark and say whether the figure holds."""
    parser = argparse.ArgumentParser(prog="./run bench import_sdtm")
    parser.add_argument("--data", type=Path, default=REAL_DATA / "cdisc_pilot")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"no data in {given.data}: set PORTAL_REAL_DATA or --data", file=sys.stderr)
        return 2
    head(f"./run manage import_sdtm {given.data} --trial N")
    seconds, importer, database = measure(given.data, given.runs)
    print(f"median    {statistics.median(seconds):.1f} s of {len(seconds)} runs")
    print(f"memory    importer {max(importer):.0f} MB, database {max(database):.0f} MB at most")
    total = max(first + second for first, second in zip(importer, database, strict=True))
    median = statistics.median(seconds)
    met = [
        verdict(f"at most {MOST_SECONDS:.0f} s", f"{median:.1f} s", is_met=median <= MOST_SECONDS),
        verdict(f"at most {MOST_MB} MB", f"{total:.0f} MB", is_met=total <= MOST_MB),
    ]
    return 0 if all(met) else 1


def measure(data: Path, runs: int) -> tuple[list[float], list[float], list[float]]:
    """Return seconds, the importer's and the database's peak memory in MB, of each run."""
    seconds, importer, database = [], [], []
    with own_portal(in_process=False) as environment:
        for number in range(1, runs + 1):
            command = [sys.executable, str(ROOT / "manage.py"), "import_sdtm", str(data)]
            command += ["--trial", f"bench-{number}"]
            took, own, others = run(command, environment, database_folder(environment))
            print(f"run {number}     {took:.1f} s, {own:.0f} MB + {others:.0f} MB")
            seconds.append(took)
            importer.append(own)
            database.append(others)
    return seconds, importer, database


def run(command: list[str], environment: dict[str, str], data: str) -> tuple[float, float, float]:
    """Run one import; return its seconds, its peak MB and the database's."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = [0.0]
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(data, peak, done))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    done.set()
    watcher.join()
    if status:
        raise SystemExit(f"the import failed: {' '.join(command)}")
    return took, usage.ru_maxrss / 1024, peak[0]


def watch(data: str, peak: list[float], done: threading.Event) -> None:
    """Note the largest memory that the database's processes held together."""
    while not done.wait(0.25):
        total = 0.0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str((process / "cwd").readlink()) != data:
                    continue
                for line in (process / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) / 1024
            except OSError:
                continue
        peak[0] = max(peak[0], total)


def database_folder(environment: dict[str, str]) -> str:
    """Return the server's data folder, in which its processes work."""
    import psycopg

    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        return str(Path(f"/proc/{row[0]}/cwd").readlink())


if __name__ == "__main__":
    sys.exit(main())
