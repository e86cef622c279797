"""The servers that are compared: how each is started, what is sent to it, where its rows are."""

import http.client
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bed import HERE, Bed, Process, wait_until

from portal.embedded.program_table import PROGRAMS

PORT = int(os.environ.get("BENCH_PORT", "18080"))
PEER_PATH, PORTAL_PATH = "/api/epro/", "/api/v1/intake/epro-reports/"
PROGRAM = {program.name: program for program in PROGRAMS}


@dataclass(frozen=True)
class Contestant:
    """One server under test."""

    name: str
    kind: str  # go, drf or portal
    options: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()  # programs of the portal that run at the same time
    what: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_portal(self) -> bool:
        return self.kind == "portal"

    @property
    def path(self) -> str:
        return PORTAL_PATH if self.is_portal else PEER_PATH

    def table(self) -> tuple[str, str]:
        """Return database and table of the reports."""
        if self.is_portal:
            return "portal", "patients_eproreport"
        return ("peer" if self.kind == "go" else "drf"), "epro_report"


# Where uploads are served (ADR 0011); inside the protocol is the default of ./run.
ASGI, HOT = {"PORTAL_HTTP": "asgi"}, {"PORTAL_HTTP": "hot"}
CONTESTANTS = {
    one.name: one
    for one in (
        Contestant("insert3", "go", ("-mode", "insert3"), what="Go, the same durable work"),
        Contestant("insert", "go", ("-mode", "insert"), what="Go, one INSERT"),
        Contestant("drf", "drf", what="Django REST framework, SimpleJWT"),
        Contestant("asgi", "portal", environment=ASGI, what="the portal as an ASGI application"),
        Contestant("hot", "portal", environment=HOT, what="the portal in uvicorn's protocol class"),
        Contestant(
            "draining",
            "portal",
            environment=HOT,
            beside=("relay", "worker"),
            what="the portal (in the protocol) while its pipeline drains",
        ),
    )
}


class Stage:
    """Starts contestants on the bed, each with an empty table."""

    def __init__(self, bed: Bed, peers: Path, ingest: Path) -> None:
        self.bed, self.peers, self.ingest = bed, peers, ingest

    @contextmanager
    def running(self, one: Contestant) -> Iterator[Process]:
        """Give a contestant that answers; it is gone afterwards."""
        self.renew(one)
        processes = [Process(*self._server(one), self.bed.folder / f"{one.name}.log")]
        processes += [self.program(name) for name in one.beside]
        try:
            wait_until(lambda: self._answers(processes), 60, f"{one.name} answers")
            yield processes[0]
        finally:
            for process in processes:
                process.stop()

    def program(self, name: str) -> Process:
        """Start one of the portal's programs as ./run does."""
        values = {"host": "127.0.0.1", "port": PORT, "data": self.bed.folder}
        return Process(
            PROGRAM[name].command(**values),
            self.bed.environment(name),
            self.bed.folder / f"{name}.log",
        )

    def renew(self, one: Contestant) -> None:
        """Empty its table."""
        if one.is_portal:
            self.bed.renew_portal()
        elif one.kind == "go":
            self.bed.renew_peer(self.peers)
        else:
            self.bed.execute("TRUNCATE epro_report", "drf")

    def pending(self) -> int:
        """Return how many deliveries wait or are under way."""
        return self.bed.count("portal", "outbox_outboxdelivery", "state = 'pending'")

    def _server(self, one: Contestant) -> tuple[list[str], dict[str, str]]:
        if one.kind == "go":
            sockets = self.bed.postgres.sockets
            dsn = f"host={sockets} user=postgres dbname=peer sslmode=disable"
            command = [str(self.ingest), *one.options, "-addr", f"127.0.0.1:{PORT}"]
            command += ["-pool", "32", "-dsn", dsn]
            return command, self.bed.clean() | {"JWT_SECRET": self.bed.jwt_secret}
        if one.kind == "drf":
            command = [sys.executable, "-m", "uvicorn", "drf_peer:application"]
            command += ["--interface", "wsgi", "--workers", "2", "--port", str(PORT)]
            command += ["--log-level", "error", "--no-access-log", "--lifespan", "off"]
            return command, self.bed.drf_environment() | {"PYTHONPATH": str(HERE)}
        values = {"host": "127.0.0.1", "port": PORT, "data": self.bed.folder}
        command = [*PROGRAM["web"].command(**values), *one.options]
        return command, self.bed.environment("web") | one.environment

    def _answers(self, processes: list[Process]) -> bool:
        for process in processes:
            process.check()
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
        try:
            connection.request("POST", PORTAL_PATH, b"{}")
            return connection.getresponse().status in (400, 401, 404)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
