"""The servers of the live benchmark, and what is asked of the kernel about them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bed import ROOT, TEMPLATE, Bed, Process, run, wait_until

from portal.embedded.program_table import PROGRAMS

HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("BENCH_PORT", "18080"))
PUBLISHER_PORT = PORT + 1
PROGRAM = {program.name: program for program in PROGRAMS}
TICKS = os.sysconf("SC_CLK_TCK")
PATIENTS, WATCHERS = 40, 50
# What stands for a real ward: a person has twenty screens here, and all have one address.
ENVIRONMENT = {
    "PORTAL_LIVE_SOCKETS_PER_USER": "1000",
    "PORTAL_LIVE_SOCKETS_PER_ADDRESS": "20000",
}


class Ground(Bed):
    """PostgreSQL, Valkey, a portal with a ward, and the peers."""

    def __init__(self, folder: Path, hub: Path, client: Path, cutter: Path) -> None:
        super().__init__(folder)
        self.hub, self.client, self.cutter = hub, client, cutter
        self.ward: dict[str, Any] = {}
        self.tokens = folder / "tokens"

    def make_portal(self) -> None:
        """Migrate a database and make the ward; it is the template of every run."""
        self.fresh(TEMPLATE, owner="portal_owner")
        owner = self.environment("command", TEMPLATE) | {
            "PORTAL_DB_ROLE": "owner",
            "DATABASE_OWNER_URL": self.url("portal_owner", TEMPLATE),
        }
        run([sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"], owner)
        made = self.folder / "ward.json"
        command = [sys.executable, str(HERE / "ward.py"), str(made), str(PATIENTS), str(WATCHERS)]
        run(command, self.environment("command", TEMPLATE))
        self.ward = json.loads(made.read_text())
        self.tokens.write_text("\n".join(one["token"] for one in self.ward["watchers"]))
        self.execute("VACUUM ANALYZE", TEMPLATE)
        self.renew_portal()

    def environment(self, process: str, database: str = "portal") -> dict[str, str]:
        """Return the environment of one of the portal's processes."""
        return super().environment(process, database) | ENVIRONMENT

    @property
    def topic(self) -> str:
        """The topic that everybody watches."""
        return f"site.{self.ward['site']}.vitals"

    def program(self, name: str, **environment: str) -> Process:
        """Start one of the portal's programs as ./run does."""
        values = {"host": "127.0.0.1", "port": PORT, "data": self.folder}
        command = PROGRAM[name].command(**values)
        given = self.environment(name) | environment
        return Process(command, given, self.folder / f"{name}.log")

    def publisher(self, kind: str) -> Process:
        """Start what publishes for a contestant."""
        command = [sys.executable, str(HERE / "publisher.py"), kind, str(PUBLISHER_PORT)]
        environment = self.environment("command") | {"PYTHONPATH": f"{ROOT}:{HERE}"}
        return Process([*command, self.topic], environment, self.folder / "publisher.log")

    def server(self, kind: str) -> Process:
        """Start the server of a contestant."""
        if kind == "portal":
            return self.program("web")
        if kind == "go":
            command = [str(self.hub), "-addr", f"127.0.0.1:{PORT}"]
            return Process(command, self.clean(), self.folder / "hub.log")
        command = [sys.executable, "-m", "uvicorn", "channels_peer:application"]
        command += ["--port", str(PORT), "--log-level", "error", "--no-access-log"]
        command += ["--lifespan", "off"]
        environment = self.clean() | {"REDIS_URL": self.valkey.url(), "PYTHONPATH": str(HERE)}
        return Process(command, environment, self.folder / "channels.log")

    @contextmanager
    def running(self, kind: str) -> Iterator[Process]:
        """Give the server of a contestant that answers, with its publisher."""
        if kind == "portal":
            self.renew_portal()
        processes = [self.server(kind)]
        if kind != "go":
            processes.append(self.publisher(kind))
        ports = [PORT] if kind == "go" else [PORT, PUBLISHER_PORT]
        try:
            wait_until(lambda: answer(processes, ports), 60, f"{kind} answers")
            yield processes[0]
        finally:
            for process in processes:
                process.stop()

    def publishes_through(self, kind: str) -> str:
        """Return where the client publishes."""
        if kind == "go":
            return f"http://127.0.0.1:{PORT}/api/vitals/"
        return f"tcp:127.0.0.1:{PUBLISHER_PORT}"


class Client:
    """The load client: it has opened its sockets when this is made, and waits to be told."""

    def __init__(self, ground: Ground, kind: str, *options: str, topic: str | None = None) -> None:
        shape = ["-topic", topic or ground.topic, "-tokens", str(ground.tokens)]
        if kind != "portal":
            shape = ["-shape", "plain"]
        command = [str(ground.client), "-addr", f"127.0.0.1:{PORT}", *shape, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.opened = json.loads(line or "{}")
        if self.opened.get("failed", 1):
            raise SystemExit(f"not every socket opened: {line}")

    def go(self) -> dict[str, Any]:
        """Let it measure, or say what it has heard."""
        said, _nothing = self.process.communicate("\n")
        return json.loads(said)


def answer(processes: list[Process], ports: list[int]) -> bool:
    """Whether something listens on every port; SystemExit when a process has ended."""
    import socket

    for process in processes:
        process.check()
    for port in ports:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
    return True


def cpu_seconds(pid: int) -> float:
    """Return what a process has used of the processors, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
