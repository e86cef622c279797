"""Programs that work at the database until they are stopped: the relay, the watcher, the runner."""

import contextlib
import os
import select
import signal
import threading
from abc import ABC, abstractmethod
from types import FrameType
from typing import Any, ClassVar

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection

log = structlog.get_logger(__name__)

STANDBY_SECONDS = 1.0
RETRY_SECONDS = 1.0


class Program(ABC):
    """Works until it is stopped, and is woken by the notifications of a channel.

    With a `lock` one is active, and another stands by. A database that is away is waited for.
    """

    name: ClassVar[str]
    channel: ClassVar[str]
    lock: ClassVar[int | None] = None

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)

    @abstractmethod
    def work(self, own: Any) -> None:
        """Do what there is, and `wait` in between, while not `stopping`.

        `own` is a connection of its own, which holds the lock and listens; work is done on the
        usual one.
        """

    def run(self) -> None:
        """Work until stopped."""
        while not self.stopping.is_set():
            try:
                self._run_connected()
            except (psycopg.Error, DatabaseError, InterfaceError, OSError) as error:
                log.warning("program_waits", program=self.name, error=type(error).__name__)
                connection.close()
                self.wait(None, RETRY_SECONDS)

    def stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        """End after what is at hand."""
        self.stopping.set()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    def wait(self, own: Any, seconds: float) -> None:
        """Wait for a notification, for the stop, or for the time to pass."""
        heard = [self._wake_reader]
        if own is not None:
            heard.append(own.connection.fileno())
        select.select(heard, [], [], seconds)
        if own is not None:
            # Raises when the server has ended; what was announced is found by looking.
            for _ in own.connection.notifies(timeout=0):
                pass

    def _run_connected(self) -> None:
        own = connection.copy()
        try:
            if self.lock is not None and not self._become_active(own):
                return
            with own.cursor() as cursor:
                cursor.execute(f"LISTEN {self.channel}")
            log.info("program_active", program=self.name)
            self.work(own)
        finally:
            own.close()

    def _become_active(self, own: Any) -> bool:
        while not self.stopping.is_set():
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [self.lock])
                row = cursor.fetchone()
            if row and row[0]:
                return True
            self.wait(None, STANDBY_SECONDS)
        return False
