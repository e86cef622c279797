"""A web process of the portal, as the supervisor starts it, and clients of its socket."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from portal.embedded.program_table import PROGRAMS
from tests.access.world import World, access_token
from tests.portal.live.conftest import in_database

PATIENCE = 60.0


class Server:
    """One web process on a port of its own; it can be stopped and started again."""

    def __init__(self, **options: str) -> None:
        self.port = free_port()
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/live/"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        web = next(program for program in PROGRAMS if program.name == "web")
        command = web.command(host="127.0.0.1", port=self.port, data=".")
        for name, value in self._options.items():
            command[command.index(f"--{name.replace('_', '-')}") + 1] = value
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"PORTAL_PROCESS": "web"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as the supervisor does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def resident_kilobytes(self) -> int:
        """Return how much memory it has."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@contextlib.contextmanager
def running(**options: str) -> Iterator[Server]:
    """Give a web process; options of uvicorn replace those of ./run."""
    server = Server(**options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def hear(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE))
    return message


async def enter(
    connection: ClientConnection, world: World, topic: str | None = None, token: str | None = None
) -> None:
    """Say who it is, and subscribe to a vitals topic."""
    token = token or await in_database(access_token)(world.people["ines"])
    await connection.send(json.dumps({"type": "authenticate", "token": token}))
    assert (await hear(connection))["type"] == "ready"
    if topic:
        await connection.send(json.dumps({"type": "subscribe", "topic": topic}))
        assert (await hear(connection))["type"] == "subscribed"
        assert (await hear(connection))["type"] == "snapshot"


async def end_of(connection: ClientConnection) -> tuple[int, str]:
    """Wait for the close; return its code and reason."""
    try:
        while True:
            await asyncio.wait_for(connection.recv(), PATIENCE)
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


async def code_of(connection: ClientConnection) -> int:
    return (await end_of(connection))[0]
