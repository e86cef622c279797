"""A real portal in a folder of its own, started as ./run starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.embedded.home import ROOT
from portal.embedded.processes import LINUX, alive

START_SECONDS = 90


def clean_environment(**settings: str) -> dict[str, str]:
    """Return the environment without what the test plugin and the developer have set."""
    ours = ("PORTAL_", "DATABASE_", "REDIS_", "SECRET_KEY", "JWT_", "DJANGO_", "PYTHONDONT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT)} | settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float = START_SECONDS) -> bool:
    """Wait until something is so; tell whether it came to be."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class RunningPortal:
    """One ./run and the processes that belong to its data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.output = folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=output, stderr=output, cwd="/"
            )

    def start(self) -> None:
        self.launch()
        ready = wait_for(lambda: "READY in" in self.text() or self.ended())
        assert ready and not self.ended(), self.text()

    def command(self) -> list[str]:
        return [sys.executable, "-m", "portal.embedded", "--no-demo", "--port", str(self.port)]

    def environment(self) -> dict[str, str]:
        return clean_environment(PORTAL_DATA=str(self.folder))

    def run_again(self, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(),
            env=self.environment() | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
            cwd="/",
        )

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def processes(self) -> dict[int, str]:
        """Return every process that names this data folder or listens on this port."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                settings = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            ours = f"PORTAL_DATA={self.folder}\0" in settings or str(self.folder) in command
            if ours and alive(int(entry.name)):
                found[int(entry.name)] = command
        return found

    def pid_of(self, words: str) -> int:
        pids = sorted(pid for pid, command in self.processes().items() if words in command)
        return pids[0] if pids else 0

    def settings_of(self, pid: int) -> set[str]:
        """Return the names of the settings that a process was given."""
        settings = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
        return {setting.partition("=")[0] for setting in settings.split("\0")}

    def terminate(self, sig: int = signal.SIGTERM) -> float:
        """Ask it to stop and return how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(20)
        return time.monotonic() - began

    def kill_everything(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(20)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    """A portal that was never started."""
    yield from _portal(tmp_path / "data")


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portal") / "data"


@pytest.fixture
def used_portal(used_folder: Path) -> Iterator[RunningPortal]:
    """A portal whose data folder the module's tests share: making the tables takes long."""
    yield from _portal(used_folder)


def _portal(folder: Path) -> Iterator[RunningPortal]:
    if not LINUX:
        pytest.skip("processes are found by /proc, which only Linux has")
    running = RunningPortal(folder)
    yield running
    running.kill_everything()


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can do what this test needs")
