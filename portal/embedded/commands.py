"""./run manage and ./run bench: one command with the environment of the portal of this folder."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.embedded import migrations
from portal.embedded.errors import StartError
from portal.embedded.home import ROOT, Home
from portal.embedded.servers import Servers
from portal.embedded.supervisor import environment_of, program_environment

# Only these connect as the role that owns the tables (or look whether it is configured).
OWNER_COMMANDS = {"migrate", "check"}
# These say something about the code, or bring the tables up to date themselves.
WITHOUT_TABLES = {"migrate", "check", "makemigrations", "showmigrations", "spectacular", "help",
                  "sqlmigrate", "makemessages", "compilemessages", "version"}  # fmt: skip


def manage(home: Home, arguments: list[str]) -> int:
    """Run manage.py; the embedded servers are started for it when the portal does not run."""
    name = arguments[0] if arguments else "help"
    with portal_environment(home, migrated=name not in WITHOUT_TABLES) as environment:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return _run(command, _environment_for(name, environment))


def simulate(home: Home, arguments: list[str]) -> int:
    """Run phones against the portal of this folder, which has to run already."""
    if not home.holder().startswith("./run (") and "--help" not in arguments:
        raise StartError(f"no portal runs in {home.path}: start it with ./run in another terminal")
    return manage(home, ["simulate", *arguments])


def bench(home: Home, arguments: list[str]) -> int:
    """Run benchmarks/NAME.py or benchmarks/NAME/__main__.py."""
    folder = ROOT / "benchmarks"
    known = sorted(path.stem for path in folder.glob("[!_.]*") if path.stem != "README")
    name = arguments[0] if arguments else ""
    if name not in known:
        raise StartError(f"./run bench NAME, where NAME is one of: {', '.join(known) or '(none)'}")
    script = folder / f"{name}.py"
    with portal_environment(home, migrated=True) as environment:
        target = script if script.exists() else folder / name
        return _run([sys.executable, str(target), *arguments[1:]],
                    _environment_for("bench", environment))  # fmt: skip


@contextmanager
def portal_environment(home: Home, *, migrated: bool) -> Iterator[dict[str, str]]:
    """Give the environment of a folder's portal, running or not. Raises: StartError."""
    home.prepare()
    holder = home.holder()
    if holder.startswith("./run (") and home.servers.exists():
        yield environment_of(home, json.loads(home.servers.read_text()))
        return
    if holder:
        print(f"run: waiting for {holder}", file=sys.stderr)
    lock = home.lock("./run manage", wait=True)
    servers = Servers(home)
    try:
        environment = environment_of(home, servers.start())
        if migrated and servers.postgres is not None:
            _migrate(servers.postgres.data, environment)
        yield environment
    finally:
        servers.stop()
        lock.close()


def _migrate(cluster: Path, environment: dict[str, str]) -> None:
    if migrations.applied(cluster):
        return
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"]
    if _run(command, environment | {"PORTAL_DB_ROLE": "owner"}):
        raise StartError("the database could not be migrated: the reason is printed above")
    migrations.note_applied(cluster)


def _environment_for(name: str, environment: dict[str, str]) -> dict[str, str]:
    if name in OWNER_COMMANDS:
        role = "owner" if name == "migrate" else "application"
        return environment | {"PORTAL_DB_ROLE": role}
    return program_environment(environment, "command")


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run a command on this terminal; Ctrl-C is for the command, we stay to clean up after it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            command,
            env=environment | {"PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        terminate = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
        signal.signal(signal.SIGTERM, terminate)
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
