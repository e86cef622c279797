"""A portal of the test's own: real servers that keep what they promise, real processes to kill.

PostgreSQL runs with fsync on. Every process is started with the command that ./run has for it, and
started again here when a test has killed it.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from portal.embedded.home import ROOT
from portal.embedded.postgres import Postgres
from portal.embedded.processes import Identity, child_setup, kill_group
from portal.embedded.program_table import PROGRAMS
from portal.embedded.valkey import Valkey
from tests.plugins import databases, template_cache
from tests.plugins.servers import SERVERS

COMMANDS = {program.name: program for program in PROGRAMS}
PATIENCE_SECONDS = 60.0
DATABASE = "rig"
LOGGED_BYTES = 6000
# Starts what follows as Python's own command line would.
RUN = """
import runpy, sys
words = sys.argv[1:]
while words[0] == "-W":
    words = words[2:]
if words[0] == "-m":
    sys.argv = words[1:]
    runpy.run_module(words[1], run_name="__main__", alter_sys=True)
else:
    sys.argv = words
    sys.path.insert(0, ".")
    runpy.run_path(words[0], run_name="__main__")
"""
# What waits and nobody holds at this moment.
IDLE = (
    "SELECT id FROM outbox_outboxdelivery WHERE state = 'pending' ORDER BY id "
    "FOR UPDATE SKIP LOCKED"
)
SETTINGS = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import django
django.setup()
from portal.core import clock
"""


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Poll until something is so; the limit is for safety and no measurement."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s: {what}"
        time.sleep(0.03)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bed:
    """Servers and programs of one rig."""

    def __init__(self, folder: Path, name: str = "rig", data: Path | None = None) -> None:
        self.folder = folder
        self.logs = folder
        # A socket's path is short, and a test's folder long.
        sockets = SERVERS.folder / name
        sockets.mkdir(mode=0o700, exist_ok=True)
        (folder / "static").mkdir(parents=True, exist_ok=True)
        data = data or folder / "postgres"
        self.postgres = Postgres(data, sockets, log=folder / "postgres.log")
        self.valkey = Valkey(folder, sockets, log=folder / "valkey.log")
        self.port = free_port()
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        # What a test has armed or led astray; it is not left running for the next one.
        self.special: set[str] = set()
        self.kills = 0
        self._log_ends: dict[Path, int] = {}
        # A child is killed when the thread that started it ends, and tests' threads come and go.
        self._starter = ThreadPoolExecutor(1)

    # --- servers --------------------------------------------------------------------------------

    def start_servers(self) -> None:
        """Start both, with the migrated template of the suite."""
        self._starter.submit(self.valkey.start).result()
        if not self.postgres.data.exists():
            template_cache.restore(self.postgres.data)
        self._starter.submit(self.postgres.start).result()
        with self.superuser("postgres") as asked:
            found = asked.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if found.fetchone():
                return
            asked.execute(
                f"CREATE DATABASE {DATABASE} OWNER portal_owner TEMPLATE {databases.TEMPLATE}"
            )
            asked.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO portal_app, portal_safety")

    def superuser(self, database: str = DATABASE) -> psycopg.Connection:
        return psycopg.connect(self.postgres.url("postgres", database), autocommit=True)

    @property
    def database_url(self) -> str:
        """Where a checker looks."""
        return self.postgres.url("postgres", DATABASE)

    def kill_postgres(self, sig: int = signal.SIGQUIT) -> None:
        """End PostgreSQL with no checkpoint and start it again; it recovers from its log."""
        process = self.postgres.process
        assert process is not None
        os.kill(process.pid, sig)
        process.wait(30)
        kill_group(process.pid, signal.SIGKILL)
        self.postgres.running()
        self._starter.submit(self.postgres.start).result()
        self.kills += 1

    def stop_postgres(self) -> None:
        """End PostgreSQL; start_servers brings it back."""
        self.postgres.stop(10)

    def kill_valkey(self) -> None:
        """End Valkey with all that it held and start an empty one."""
        process = self.valkey.process
        assert process is not None
        process.kill()
        process.wait(30)
        self.valkey.running()
        self._starter.submit(self.valkey.start).result()
        self.kills += 1

    # --- programs -------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """Return the environment of a program: the suite's keys, the rig's servers."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return {
            **kept,
            "DATABASE_URL": self.postgres.url("portal_app", DATABASE),
            "DATABASE_SAFETY_URL": self.postgres.url("portal_safety", DATABASE),
            "REDIS_URL": self.valkey.url(),
            "PORTAL_DATA": str(self.folder),
            "PORTAL_PROCESS": name,
            "PORTAL_LOG_LEVEL": "WARNING",
            # A dozen phones do here what thousands do elsewhere.
            "PORTAL_INTAKE_REQUESTS_PER_MINUTE": "1000000",
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def start(self, name: str, *options: str, **environment: str) -> None:
        """Start a program; the environment may name failpoints or other servers."""
        if name in self.programs:
            self.kill(name)
        if options or environment:
            self.special.add(name)
        self._spawn(name, [*self._command(name), *options], environment)

    def start_into(self, name: str, output: int, **environment: str) -> None:
        """Start a program that writes its log to a file descriptor."""
        if name in self.programs:
            self.kill(name)
        self.special.add(name)
        self._starter.submit(self._popen, name, self._command(name), environment, output).result()

    def start_under(self, name: str, script: str, **environment: str) -> None:
        """Start a program under a script that first changes what it finds."""
        if name in self.programs:
            self.kill(name)
        words = self._command(name)[1:]
        self.special.add(name)
        self._spawn(name, [sys.executable, "-c", script + RUN, *words], environment)

    def start_another(self, name: str, program: str, *options: str, port: int = 0) -> None:
        """Start a program a second time, under a name of its own."""
        self.special.add(name)
        self._spawn(name, [*self._command(program, port or self.port), *options], {})

    def _command(self, name: str, port: int = 0) -> list[str]:
        values = {"host": "127.0.0.1", "port": port or self.port, "data": self.folder}
        return COMMANDS[name].command(**values)

    def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self._starter.submit(self._popen, name, command, environment).result()

    def _popen(
        self, name: str, command: list[str], environment: dict[str, str], output: int | None = None
    ) -> None:
        with open(self.logs / f"{name}.log", "ab") as log:
            self.programs[name] = subprocess.Popen(
                command,
                env=self.environment(name, **environment),
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=log if output is None else output,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=child_setup(signal.SIGKILL, Identity()),
            )

    @property
    def owner(self) -> dict[str, str]:
        """What a process needs to act as the owner of the tables."""
        url = self.postgres.url("portal_owner", DATABASE)
        return {"PORTAL_DB_ROLE": "owner", "DATABASE_OWNER_URL": url}

    def run_script(self, script: str, *arguments: str, **environment: str) -> list[str]:
        """Run a script against the rig's database and return the lines that it printed.

        A process of its own: this one's settings are of another database.
        """
        done = subprocess.run(
            [sys.executable, "-c", SETTINGS + script, *arguments],
            env=self.environment("command", **environment),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def start_web(self, **environment: str) -> None:
        """Start the web process and wait until it answers."""
        self.start("web", **environment)
        wait_for(self.answers, "the web process answers")

    def ensure(self, *names: str) -> None:
        """Have programs run as ./run would: those that do stay, the others are started."""
        for name in names:
            if name in self.special or name not in self.programs or self.died(name):
                self.start(name)
        if "web" in names:
            wait_for(self.answers, "the web process answers")

    def dismiss(self) -> None:
        """Stop what the next test must not find."""
        for name in self.special & self.programs.keys():
            self.kill(name)
        self.special.clear()

    def answers(self, port: int = 0) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command and return all that it said."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment("command", **environment),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        return done.stdout + done.stderr

    def kill(self, name: str, sig: int = signal.SIGKILL) -> int:
        """Kill a program and everything that it started; return how it ended."""
        process = self.programs.pop(name)
        self.special.discard(name)
        if sig == signal.SIGKILL:
            kill_group(process.pid, sig)
            self.kills += 1
        else:
            process.send_signal(sig)
        try:
            return process.wait(30)
        finally:
            kill_group(process.pid, signal.SIGKILL)

    def died(self, name: str) -> bool:
        """Tell whether a program has ended by itself: a failpoint was reached."""
        return self.programs[name].poll() is not None

    def tail(self, name: str) -> str:
        file = self.logs / f"{name}.log"
        return file.read_text(errors="replace")[-2000:] if file.exists() else ""

    def begin(self) -> None:
        """Note where the logs end: what comes is of the test that begins."""
        self._log_ends = {file: file.stat().st_size for file in self.folder.glob("*.log")}

    def logged(self) -> dict[str, str]:
        """Return what each program and server has logged since, of much the last."""
        said = {}
        for file in sorted(self.folder.glob("*.log")):
            whole, end = file.read_bytes(), self._log_ends.get(file, 0)
            new = whole[end if end <= len(whole) else 0 :]  # some begin anew with each start
            if new:
                said[file.name] = new[-LOGGED_BYTES:].decode(errors="replace")
        return said

    def stop(self) -> None:
        """Stop everything."""
        for name in list(self.programs):
            with suppress(ProcessLookupError):
                self.kill(name)
        self.valkey.stop()
        self.postgres.stop(2)
        self._starter.shutdown()

    # --- what is there ----------------------------------------------------------------------------

    def number(self, statement: str) -> int:
        """Return the one number that a query gives."""
        with self.superuser() as asked:
            row = asked.execute(statement).fetchone()  # type: ignore[call-overload]
        return int(row[0]) if row else 0

    def pending(self) -> int:
        return self.number("SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'pending'")

    def wait_until_worker_is_used(self) -> None:
        """Wait until a worker takes messages, and the relay says that it sends them.

        A worker takes seconds to start, and after a broker that was away a relay works alone for
        some more; what comes meanwhile is done, and by another than a test may have armed.
        """
        wait_for(self._takes_messages, "a worker takes messages")
        with self.superuser() as asked:
            asked_at = asked.execute("SELECT clock_timestamp()").fetchone()
        wait_for(
            lambda: self.number(
                "SELECT count(*) FROM outbox_relayheartbeat "
                f"WHERE mode = 'broker' AND seen_at > '{asked_at[0]}'"  # type: ignore[index]
            ),
            "the relay sends what it has",
        )

    def _takes_messages(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.valkey.socket)) as valkey:
            return any(client["cmd"] == "brpop" for client in valkey.client_list())

    def end_leases(self) -> None:
        """Let the time of every lease be over, rather than wait for it."""
        with self.superuser() as asked:
            asked.execute(
                "UPDATE outbox_outboxdelivery SET leased_until = clock_timestamp(), "
                f"due_at = least(due_at, clock_timestamp()) WHERE id IN ({IDLE})"
            )

    def age(self, seconds: float = 60) -> None:
        """Let what waits have waited so much longer already."""
        with self.superuser() as asked:
            asked.execute(
                "UPDATE outbox_outboxdelivery SET due_at = due_at - %(s)s * interval '1 s', "
                f"leased_until = leased_until - %(s)s * interval '1 s' WHERE id IN ({IDLE})",
                {"s": seconds},
            )

    def wait_until_quiet(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every delivery has ended."""
        wait_for(lambda: self.pending() == 0, "every delivery has ended", seconds)


def armed(
    name: str, action: str = "kill", nth: int = 1, once: Path | None = None
) -> dict[str, str]:
    """Return the setting that arms one failpoint; `once` is made when it was reached."""
    told = f",once={once}" if once else ""
    return {"FAILPOINTS": f"{name}={action},nth={nth}{told}"}
