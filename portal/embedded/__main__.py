"""`python -m portal.embedded`: what ./run starts, and ./run manage and bench with it."""

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from portal.embedded import commands
from portal.embedded.errors import StartError
from portal.embedded.home import ROOT, Home, read_assignments, write_failure
from portal.embedded.supervisor import Options, Supervisor


def parse(arguments: list[str]) -> Options:
    """Read the options of ./run."""
    parser = argparse.ArgumentParser(prog="./run", description="Start the portal.", add_help=False)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port to listen on (PORTAL_PORT or 8000)")
    parser.add_argument("--no-demo", action="store_true", help="start without the demo's data")
    parser.add_argument("--as-of", type=_day, help="the demo's day (today), YYYY-MM-DD")
    parser.add_argument(
        "--no-simulate", action="store_true", help="let nobody of the demo send anything"
    )
    parser.add_argument("-h", "--help", action="help", help="show this")
    given = parser.parse_args(arguments)
    try:
        port = given.port or _port(os.environ.get("PORTAL_PORT", "") or "8000")
    except (argparse.ArgumentTypeError, ValueError):
        raise StartError("PORTAL_PORT is not a port: set it to a number up to 65535") from None
    return Options(
        host=given.host,
        port=port,
        demo=not given.no_demo,
        as_of=given.as_of or "",
        simulate=not given.no_simulate,
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def main(arguments: list[str]) -> int:
    """Run one command; every failure to start is one line on standard error."""
    if (ROOT / ".env").exists():
        for name, value in read_assignments(ROOT / ".env").items():
            os.environ.setdefault(name, value)
    home = Home(Path(os.environ.get("PORTAL_DATA") or ROOT / "var").absolute())
    try:
        if arguments[:1] == ["manage"]:
            return commands.manage(home, arguments[1:])
        if arguments[:1] == ["simulate"]:
            return commands.simulate(home, arguments[1:])
        if arguments[:1] == ["bench"]:
            return commands.bench(home, arguments[1:])
        options = parse(arguments)
        home.prepare()
        return Supervisor(home, options).run()
    except StartError as error:
        print(f"run: {error}", file=sys.stderr)
    except OSError as error:
        print(f"run: {write_failure(home.path, error)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
