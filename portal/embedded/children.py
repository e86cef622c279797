"""Run programs as children: their lines to the console, their end noticed, nothing left of them."""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from portal.embedded.console import Console
from portal.embedded.home import ROOT
from portal.embedded.processes import Identity, child_setup, kill_group

LONGEST_LINE = 65_536
STABLE_SECONDS = 30.0
SLOWEST_RESTART_SECONDS = 30.0


class Child:
    """One program and its current process."""

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], stop_seconds: float
    ) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.stop_seconds = stop_seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.unfinished = b""
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.failures = 0
        self.exit_code: int | None = None

    def spawn(self) -> None:
        """Start a process; it is killed when the supervisor dies, however that happens."""
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
            preexec_fn=child_setup(signal.SIGKILL, Identity()),
        )
        self.started_at, self.restart_at = time.monotonic(), None

    def plan_restart(self) -> float:
        """Decide when to start again: at once at first, ever later while it keeps failing."""
        now = time.monotonic()
        self.failures = 1 if now - self.started_at > STABLE_SECONDS else self.failures + 1
        delay = float(min(0.2 * 2 ** (self.failures - 1), SLOWEST_RESTART_SECONDS))
        self.restart_at = now + delay
        return delay


class Nursery:
    """All children, in one thread: a child dies with the thread that started it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.children: list[Child] = []
        self.selector = selectors.DefaultSelector()
        self._waker, self._wakes = socket.socketpair()
        for end in (self._waker, self._wakes):
            end.setblocking(False)
        self.selector.register(self._wakes, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def start(self, child: Child) -> None:
        """Start a child and read its lines from now on."""
        if child not in self.children:
            self.children.append(child)
        child.spawn()
        assert child.process is not None and child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def pump(self, seconds: float) -> list[Child]:
        """Pass lines on for at most `seconds`; return the children that have ended meanwhile."""
        for key, _ in self.selector.select(seconds):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                with suppress(BlockingIOError):
                    self._wakes.recv(4096)
        ended = []
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child)
                ended.append(child)
        return ended

    def stop(self, child: Child, seconds: float) -> None:
        """End a child with TERM, and after `seconds` with KILL; its own children too."""
        if child.process is not None:
            with suppress(ProcessLookupError):
                child.process.terminate()
            deadline = time.monotonic() + seconds
            while child.process is not None and time.monotonic() < deadline:
                self.pump(0.05)
        if child.process is not None:
            kill_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._bury(child)
        self.children.remove(child)

    def stop_together(self, children: Sequence[Child], seconds: float) -> None:
        """Ask several to end at once; each has until its own time, and all until `seconds`."""
        for child in children:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.terminate()
        began = time.monotonic()
        for child in sorted(children, key=lambda one: one.stop_seconds):
            left = min(child.stop_seconds, seconds) - (time.monotonic() - began)
            self.stop(child, max(0.0, left))

    def _read(self, child: Child) -> bool:
        """Print what a child has written; tell whether there may be more."""
        assert child.process is not None and child.process.stdout is not None
        try:
            chunk = os.read(child.process.stdout.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return False
        if not chunk:
            with suppress(KeyError):
                self.selector.unregister(child.process.stdout)
            return False
        *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
        if len(child.unfinished) > LONGEST_LINE:
            lines, child.unfinished = [*lines, child.unfinished], b""
        for line in lines:
            self.console.line(child.name, line.decode(errors="replace").rstrip())
        return True

    def _bury(self, child: Child) -> None:
        process = child.process
        assert process is not None and process.stdout is not None
        kill_group(process.pid, signal.SIGKILL)
        while self._read(child):
            pass
        with suppress(KeyError):
            self.selector.unregister(process.stdout)
        if child.unfinished:
            self.console.line(child.name, child.unfinished.decode(errors="replace"))
        child.unfinished = b""
        process.stdout.close()
        child.exit_code, child.process = process.returncode, None
