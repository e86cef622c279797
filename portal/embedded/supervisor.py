"""Start the portal's servers and programs, keep them running, and take them all down again."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from portal.demo_accounts import HOLDS_OTHER_TRIALS
from portal.embedded import addresses, migrations
from portal.embedded.children import Child, Nursery
from portal.embedded.console import Console
from portal.embedded.errors import StartError
from portal.embedded.home import ROOT, Home
from portal.embedded.program_table import PROGRAMS, SIMULATION, Program
from portal.embedded.servers import Servers

# Everything has to be gone within five seconds.
STOP_SECONDS = 4.5
FAILED_STARTS = 3
PATIENCE_SECONDS = 60.0
RETRY_SECONDS = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    """What ./run was asked for."""

    host: str
    port: int
    demo: bool = True
    as_of: str = ""
    simulate: bool = True


class Stopped(BaseException):
    """INT, TERM or HUP arrived; raised wherever the supervisor is."""


class Supervisor:
    """One running portal."""

    def __init__(
        self, home: Home, options: Options, programs: tuple[Program, ...] = PROGRAMS
    ) -> None:
        self.home, self.options, self.programs = home, options, programs
        self.began = time.monotonic()
        self.console = Console(home.logs / "portal.log")
        self.nursery = Nursery(self.console)
        self.servers = Servers(home)
        self.ready = False
        self.retry_servers_at = 0.0

    def run(self) -> int:
        """Run until stopped; return the exit code. Raises: StartError."""
        lock = self.home.lock("./run")
        for sig in STOP_SIGNALS:
            signal.signal(sig, _stop)
        try:
            addresses.check_free(self.options.host, self.options.port)
            self._check_demo_stays_here()
            self._start()
            self._watch()
        except Stopped:
            self.console.line("run", "stopping")
            return 0
        finally:
            self._stop_all()
            lock.close()

    # --- start ----------------------------------------------------------------------------------

    def _start(self) -> None:
        environment = environment_of(self.home, self.servers.start())
        environment["PORTAL_HOST"] = self.options.host
        environment["PORTAL_URL"] = addresses.root_url(self.options.host, self.options.port)
        environment.setdefault("PORTAL_ALLOWED_HOSTS", addresses.allowed_hosts(self.options.host))
        self.home.servers.write_text(
            json.dumps({name: environment[name] for name in SERVER_VARIABLES})
        )
        self.home.servers.chmod(0o600)
        children = self._children(environment)
        cluster = self.servers.postgres.data if self.servers.postgres else None
        # Nobody uses a new portal yet: its web process loads while the tables are made.
        if cluster is not None and migrations.is_new(cluster):
            self.nursery.start(children[0])
        self._migrate(environment, cluster)
        making_demo = self._start_demo(environment)
        if children[0] not in self.nursery.children:
            self.nursery.start(children[0])
        if making_demo is not None:
            self._finish_demo(making_demo)
        for child in children[1:]:
            self.nursery.start(child)
        self._wait_until_ready()
        self._simulate(environment)

    def _children(self, environment: dict[str, str]) -> list[Child]:
        values = {"host": self.options.host, "port": self.options.port, "data": self.home.path}
        return [
            Child(
                program.name,
                program.command(**values),
                program_environment(environment, program.name),
                program.stop_seconds,
            )
            for program in self.programs
        ]

    def _migrate(self, environment: dict[str, str], cluster: Path | None) -> None:
        if cluster is not None and migrations.applied(cluster):
            return
        if not environment["DATABASE_OWNER_URL"]:
            self.console.line("run", "DATABASE_OWNER_URL is not set: one role owns and uses all")
        child = self._command("migrate", environment | {"PORTAL_DB_ROLE": "owner"}, "--verbosity=1")
        if self._finish(child):
            raise StartError("the database could not be migrated: the reason is printed above")
        if cluster is not None:
            migrations.note_applied(cluster)

    def _start_demo(self, environment: dict[str, str]) -> Child | None:
        """Begin the demo on the first start of an embedded database that is to have one."""
        if self.home.demo.exists() or not self.servers.embedded_database:
            return None
        if not self.options.demo:
            self.home.demo.write_text(json.dumps({"demo": False}))
            return None
        as_of = self.options.as_of or time.strftime("%Y-%m-%d", time.gmtime())
        return self._command("demo", program_environment(environment, "command"), "--as-of", as_of)

    def _finish_demo(self, child: Child) -> None:
        code = self._finish(child)
        if code not in (0, HOLDS_OTHER_TRIALS):
            raise StartError(
                "the demo could not be made, the reason is printed above: "
                "./run --no-demo starts an empty portal"
            )
        self.home.demo.write_text(json.dumps({"demo": code == 0}))

    def _check_demo_stays_here(self) -> None:
        """The demo's password is public, so nobody else's machine may reach it."""
        if addresses.is_loopback(self.options.host):
            return
        if has_demo(self.home):
            raise StartError(
                f"{self.home.path} holds the demo, whose password is public: bind to 127.0.0.1, "
                "or set PORTAL_DATA to another folder and use --no-demo"
            )
        if self.options.demo and self.servers.embedded_database and not self.home.demo.exists():
            raise StartError(
                f"the demo's password is public, so it is not made for --host {self.options.host}: "
                "add --no-demo"
            )

    def _simulate(self, environment: dict[str, str]) -> None:
        """Let the demo live; on a server of one's own nobody knows whose patients these are."""
        if not (self.options.simulate and self.servers.embedded_database and has_demo(self.home)):
            return
        child = Child(
            SIMULATION.name,
            SIMULATION.command(),
            program_environment(environment, "command"),
            SIMULATION.stop_seconds,
        )
        # First in the list, so first to stop: nothing comes in while the others end.
        self.nursery.children.insert(0, child)
        self.nursery.start(child)

    def _command(self, name: str, environment: dict[str, str], *arguments: str) -> Child:
        command = [sys.executable, str(ROOT / "manage.py"), name, *arguments]
        child = Child(name, command, environment, stop_seconds=1.0)
        self.nursery.start(child)
        return child

    def _finish(self, child: Child) -> int:
        while child.process is not None:
            self._restart_dead(self.nursery.pump(0.5), but=child)
        self.nursery.children.remove(child)
        return child.exit_code or 0

    def _wait_until_ready(self) -> None:
        complain_at = time.monotonic() + PATIENCE_SECONDS
        while reason := addresses.not_ready(self.options.host, self.options.port):
            self._restart_dead(self.nursery.pump(0.1))
            if time.monotonic() > complain_at:
                self.console.line("run", f"still not ready: {reason}")
                complain_at += PATIENCE_SECONDS
        self.ready = True
        seconds = time.monotonic() - self.began
        self.console.text(
            addresses.ready_block(
                self.options.host,
                self.options.port,
                seconds=seconds,
                demo=has_demo(self.home),
                journal=self.console.journal,
            )
        )
        self.console.settle()

    # --- watch ----------------------------------------------------------------------------------

    def _watch(self) -> NoReturn:
        while True:
            now = time.monotonic()
            due = [c.restart_at - now for c in self.nursery.children if c.restart_at is not None]
            self._restart_dead(self.nursery.pump(max(0.0, min([1.0, *due]))))
            self._check_servers()

    def _restart_dead(self, ended: list[Child], *, but: Child | None = None) -> None:
        for child in ended:
            if child is but:
                continue
            delay = child.plan_restart()
            if not self.ready and child.failures >= FAILED_STARTS:
                raise StartError(f"{child.name} does not start: the reason is printed above")
            self.console.line(
                "run", f"{child.name} {_ending(child.exit_code)}; it starts again in {delay:.1f} s"
            )
        for child in self.nursery.children:
            if child.restart_at is not None and child.restart_at <= time.monotonic():
                self.nursery.start(child)

    def _check_servers(self) -> None:
        if time.monotonic() < self.retry_servers_at:
            return
        try:
            for name in self.servers.restart_dead():
                self.console.line("run", f"{name} had ended; it runs again")
        except StartError as error:
            # A full disk, say: the web process answers 503 until somebody has made room.
            self.console.line("run", f"{error}; tried again every {RETRY_SECONDS:.0f} s")
            self.retry_servers_at = time.monotonic() + RETRY_SECONDS

    # --- stop -----------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        for sig in STOP_SIGNALS:
            signal.signal(sig, signal.SIG_IGN)
        deadline = time.monotonic() + STOP_SECONDS
        # What lets something in ends first, so that the others have an end to reach.
        ways_in = [one for one in self.nursery.children if one.name in (SIMULATION.name, "web")]
        for child in ways_in:
            self.nursery.stop(child, min(child.stop_seconds, deadline - time.monotonic()))
        self.nursery.stop_together(list(self.nursery.children), deadline - time.monotonic())
        self.servers.stop(max(0.5, deadline - time.monotonic()))
        with suppress(OSError):
            self.home.servers.unlink(missing_ok=True)


SERVER_VARIABLES = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SAFETY_URL"),
    *("REDIS_URL", "PORTAL_URL"),
)


def environment_of(home: Home, servers: dict[str, str]) -> dict[str, str]:
    """Return the whole environment of a portal's commands, the owner's address included."""
    base = {**home.load_secrets(), **os.environ}
    return base | servers | {"PORTAL_DATA": str(home.path), "PYTHONUNBUFFERED": "1"}


def program_environment(environment: dict[str, str], process: str) -> dict[str, str]:
    """Return what a program gets: not the address of the role that owns the tables."""
    kept = {name: value for name, value in environment.items() if name != "DATABASE_OWNER_URL"}
    return kept | {"PORTAL_PROCESS": process}


def has_demo(home: Home) -> bool:
    """Tell whether the demo was made in a data folder."""
    try:
        return bool(json.loads(home.demo.read_text())["demo"])
    except (OSError, ValueError, KeyError):
        return False


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
