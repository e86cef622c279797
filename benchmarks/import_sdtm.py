"""How long and how much memory the import of a whole study takes, history included.

Figure: the CDISC pilot study (91,986 rows) in at most 30 s and 1 GB on 2 cores. Each run is the
command as a person types it, in a database of its own on durable servers (fsync on); making that
database is not timed. Memory is the importer's peak and, beside it, the peak of the database's
processes (proportional share, so that shared buffers count once).

    ./run bench import_sdtm [--data DIR] [--runs N]
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from portal.embedded.commands import portal_environment  # noqa: E402
from portal.embedded.home import Home  # noqa: E402
from portal.embedded.supervisor import program_environment  # noqa: E402

REAL_DATA = Path(os.environ.get("PORTAL_REAL_DATA", ROOT.parent / "shared" / "data"))
MOST_SECONDS = 30.0
MOST_MB = 1024
SETTINGS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PORTAL_DATA")


def main() -> int:
    """Run the benchmark and say whether the figure holds."""
    parser = argparse.ArgumentParser(prog="./run bench import_sdtm")
    parser.add_argument("--data", type=Path, default=REAL_DATA / "cdisc_pilot")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"no data in {given.data}: set PORTAL_REAL_DATA or --data", file=sys.stderr)
        return 2
    print(f"machine   {machine()}")
    print(f"command   ./run manage import_sdtm {given.data} --trial N")
    seconds, importer, database = measure(given.data, given.runs)
    print(f"median    {statistics.median(seconds):.1f} s of {len(seconds)} runs")
    print(f"memory    importer {max(importer):.0f} MB, database {max(database):.0f} MB at most")
    total = max(first + second for first, second in zip(importer, database, strict=True))
    holds = statistics.median(seconds) <= MOST_SECONDS and total <= MOST_MB
    print(
        f"figure    at most {MOST_SECONDS:.0f} s and {MOST_MB} MB: {'met' if holds else 'MISSED'}"
    )
    return 0 if holds else 1


def measure(data: Path, runs: int) -> tuple[list[float], list[float], list[float]]:
    """Return seconds, the importer's and the database's peak memory in MB, of each run."""
    seconds, importer, database = [], [], []
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    os.environ.clear()
    os.environ.update(clean)
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        home = Home(Path(folder))
        with portal_environment(home, migrated=True) as environment:
            for number in range(1, runs + 1):
                command = [sys.executable, str(ROOT / "manage.py"), "import_sdtm", str(data)]
                command += ["--trial", f"bench-{number}"]
                environment = program_environment(environment, "command")
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


def machine() -> str:
    """Return what the numbers were measured on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores {model}, {memory:.0f} GB, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
