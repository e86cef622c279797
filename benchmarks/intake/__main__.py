"""How many reports a second the portal takes and processes, beside the usual ways to do it.

One PostgreSQL (fsync, synchronous_commit and full_page_writes on), client and servers on the same
cores, contestants in turn within one run, medians of three, an empty table before each. The rows
are compared with the 202s. The goals are ratios to the peers measured in the same run.

    ./run bench intake [--only NAMES] [--connections LIST] [--seconds S] [--runs N] [--peers DIR]
                       [--parts closed,storm,pipeline,size] [--stored ROWS]

Go, wrk and the packages named in the README of the peers' folder have to be installed
(PORTAL_PEERS or --peers, ../shared/peers when neither is given).
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import closed_loop  # noqa: E402
import open_loop  # noqa: E402
import processing  # noqa: E402
import stored  # noqa: E402
from _run import head  # noqa: E402
from bed import HERE, Bed, run  # noqa: E402
from contestants import CONTESTANTS, Stage  # noqa: E402
from report import Goals  # noqa: E402

PEERS = Path(os.environ.get("PORTAL_PEERS") or ROOT.parent / "shared" / "peers")
PARTS = ("closed", "storm", "pipeline", "size")


def main() -> int:
    """Run the parts that were asked for; 1 when a goal was missed."""
    given = parse()
    for tool in ("go", "wrk"):
        if shutil.which(tool) is None:
            print(f"{tool} is missing: see {given.peers}/README.md", file=sys.stderr)
            return 2
    goals = Goals()
    head(f"./run bench intake {' '.join(sys.argv[1:])}")
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        bed = Bed(Path(folder))
        try:
            bed.start()
            stage = Stage(bed, given.peers, build(given.peers / "ingest.go", bed.folder))
            bed.make_peers(given.peers)
            bed.make_portal()
            if "closed" in given.parts:
                closed_loop.measure(stage, given, goals)
            if "storm" in given.parts:
                open_loop.measure(stage, build(HERE / "storm.go", bed.folder), given, goals)
            if "pipeline" in given.parts:
                processing.measure(stage, given, goals)
            if "size" in given.parts:
                stored.measure(stage, given, goals)
        finally:
            bed.stop()
    return goals.summary()


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="./run bench intake")
    names = ",".join(CONTESTANTS)
    parser.add_argument("--only", type=_names(CONTESTANTS), default=tuple(CONTESTANTS), help=names)
    parser.add_argument(
        "--parts", type=_names(PARTS), default=PARTS[:3], help=f"{','.join(PARTS)} (not size)"
    )
    parser.add_argument("--connections", type=_numbers, default=(64, 256, 1000))
    parser.add_argument("--seconds", type=float, default=7)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--reports", type=int, default=40_000, help="that the pipeline processes")
    parser.add_argument("--stored", type=int, default=10_000_000, help="rows of the part size")
    parser.add_argument("--peers", type=Path, default=PEERS)
    return parser.parse_args()


def _names(known):
    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {','.join(known)}")
        return names

    return read


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def build(source: Path, folder: Path) -> Path:
    """Build a Go program with Debian's packages."""
    program = folder / source.stem
    environment = os.environ | {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    run(["go", "build", "-o", str(program), str(source)], environment)
    return program


if __name__ == "__main__":
    sys.exit(main())
