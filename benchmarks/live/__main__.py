"""How fast what is stored reaches the screens, beside a Go hub and Channels as documented.

Client and servers on the same cores, contestants in turn within one run, medians. Saturation is
measured from `broadcast()`; "commit" is the vital sign's. The goals are ratios to the peers
measured in the same run, and latencies.

    ./run bench live [--parts fanout,commits,idle,reconnects,screens,streams] [--sockets N]
                     [--seconds S] [--only go,channels,portal] [--runs N] [--rounds N]
                     [--peers DIR]

Go and the packages named in the README of the peers' folder have to be installed
(PORTAL_PEERS or --peers, ../shared/peers when neither is given).
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "intake")]

import commits  # noqa: E402
import fanout  # noqa: E402
import idle  # noqa: E402
import reconnects  # noqa: E402
import screens  # noqa: E402
import streams  # noqa: E402
from _run import head  # noqa: E402
from bed import run  # noqa: E402
from ground import HERE, Ground  # noqa: E402
from report import Goals  # noqa: E402

PEERS = Path(os.environ.get("PORTAL_PEERS") or ROOT.parent / "shared" / "peers")
PARTS = {
    "fanout": fanout.measure,
    "commits": commits.measure,
    "idle": idle.measure,
    "reconnects": reconnects.measure,
    "screens": screens.measure,
    "streams": streams.measure,
}


def main() -> int:
    """Run the parts that were asked for; 1 when a goal was missed."""
    given = parse()
    if shutil.which("go") is None:
        print(f"go is missing: see {given.peers}/README.md", file=sys.stderr)
        return 2
    # A socket is a file, on either side.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    goals = Goals()
    head(f"./run bench live {' '.join(sys.argv[1:])}")
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        at = Path(folder)
        sources = (given.peers / "hub.go", HERE / "sockets.go", HERE / "reconnects.go")
        ground = Ground(at, *(build(source, at) for source in sources))
        try:
            ground.start()
            ground.make_portal()
            for part in given.parts:
                PARTS[part](ground, given, goals)
        finally:
            ground.stop()
    return goals.summary()


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="./run bench live")
    parser.add_argument("--parts", type=_names(PARTS), default=tuple(PARTS))
    parser.add_argument("--only", type=_names(fanout.NAMES), default=tuple(fanout.NAMES))
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--window", type=int, default=64, help="messages under way at saturation")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1000, help="notices for each person")
    parser.add_argument("--peers", type=Path, default=PEERS)
    return parser.parse_args()


def _names(known):
    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {','.join(known)}")
        return names

    return read


def build(source: Path, folder: Path) -> Path:
    """Build a Go program with Debian's packages."""
    program = folder / source.stem
    environment = os.environ | {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    run(["go", "build", "-o", str(program), str(source)], environment)
    return program


if __name__ == "__main__":
    sys.exit(main())
