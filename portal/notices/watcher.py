"""The watcher: a program of its own that does what is due, without a broker and without workers.

One is active, by an advisory lock; another stands by. It sweeps every second, or when it is woken,
and says so in the database: when it falls silent, the portal is no longer ready. Letters leave in a
thread of their own, so that a slow provider delays no ladder.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import FrameType
from typing import Any
from uuid import UUID

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection

from portal.core import clock
from portal.core.failpoints import failpoint
from portal.live.watch import rights_state
from portal.notices.models import Dispatch, EscalationStep
from portal.notices.services.escalating import include_newcomers, take_step
from portal.notices.services.posting import post_due, release
from portal.notices.services.telling import CHANNEL
from portal.notices.vocabulary import DispatchState, StepState

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
NEWCOMERS_SECONDS = 60.0
MOST_LOOKED_AT = 2000
_ACTIVE_LOCK = 0x0A7C_0001
_BEAT = (
    "INSERT INTO notices_watcherheartbeat (id, swept_at) VALUES (1, clock_timestamp()) "
    "ON CONFLICT (id) DO UPDATE SET swept_at = excluded.swept_at, overdue = %s"
)

# A row that waits: its key, when it is due, and when it was made.
Waiting = tuple[UUID, datetime, datetime]


class Patience:
    """Which rows are due, by the clock or by the time that has passed: the clock may jump.

    Set forward, it brings a row early; set back, a row comes when its time has passed all the same.
    A row is done once, whatever the clock says later.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._ends: dict[tuple[UUID, datetime], float] = {}

    def due(self, rows: Iterable[Waiting], at: datetime) -> list[UUID]:
        """Return the keys of the rows that are due."""
        now, ends, found = self._steady(), {}, []
        for key, due_at, made_at in rows:
            left = min(due_at - at, max(due_at - made_at, timedelta()))
            end = self._ends.get((key, due_at), now + left.total_seconds())
            ends[key, due_at] = end
            if due_at <= at or end <= now:
                found.append(key)
        self._ends = ends
        return found


class Sweeper:
    """Does what is due: steps of ladders, and who came new to what climbs."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._rights: Any = None
        self._newcomers_at = 0.0

    def sweep(self, at: datetime) -> int:
        """Take every step that is due; return how many were done. What fails is tried again."""
        rows = EscalationStep.objects.filter(state=StepState.PENDING).order_by("due_at")
        waiting = rows.values_list("pk", "due_at", "created_at")[:MOST_LOOKED_AT]
        done = failed = 0
        for key in self._patience.due(waiting, at):
            try:
                done += take_step(key, at=at)
                failpoint("notices.after_step")
            except (DatabaseError, InterfaceError):
                raise
            except Exception:
                failed += 1
                log.exception("step_not_taken", step=str(key))
        self._look_for_newcomers(at)
        with connection.cursor() as cursor:
            cursor.execute(_BEAT, [failed])
        return done

    def _look_for_newcomers(self, at: datetime) -> None:
        rights, now = rights_state(), time.monotonic()
        if rights != self._rights or now >= self._newcomers_at:
            include_newcomers(at=at)
            self._rights, self._newcomers_at = rights, now + NEWCOMERS_SECONDS


class Post:
    """Lets letters leave that are due."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    def sweep(self, at: datetime) -> int:
        """Hand over the letters that are due; return how many."""
        rows = Dispatch.objects.filter(state=DispatchState.PENDING).order_by("due_at")
        waiting = rows.values_list("pk", "due_at", "created_at")[:MOST_LOOKED_AT]
        due = self._patience.due(waiting, at)
        return post_due(at=at, early=due) if due else 0


class Watcher:
    """Sweeps until stopped."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        self._letters = threading.Event()

    def run(self) -> None:
        """Work until stopped; a database that is away is waited for."""
        posting = threading.Thread(target=self._post, name="post")
        posting.start()
        while not self._stopping.is_set():
            try:
                self._run_connected()
            except (psycopg.Error, DatabaseError, InterfaceError, OSError) as error:
                log.warning("watcher_waits", error=type(error).__name__)
                connection.close()
                self._wait(None, RETRY_SECONDS)
        posting.join()

    def stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        """End after what is at hand."""
        self._stopping.set()
        self._letters.set()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    def _run_connected(self) -> None:
        # A connection of its own holds the lock and listens; work is done on the usual one.
        own = connection.copy()
        try:
            if not self._become_active(own):
                return
            with own.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            release()
            log.info("watcher_active")
            sweeper = Sweeper()
            self._is_active = True
            while not self._stopping.is_set():
                sweeper.sweep(clock.now())
                self._letters.set()
                self._wait(own, POLL_SECONDS)
        finally:
            self._is_active = False
            own.close()

    _is_active = False

    def _post(self) -> None:
        post = Post()
        while not self._stopping.is_set():
            self._letters.wait()
            self._letters.clear()
            try:
                while self._is_active and post.sweep(clock.now()):
                    if self._stopping.is_set():
                        break
            except Exception as error:
                log.warning("post_waits", error=type(error).__name__, exc_info=error)
                connection.close()
                self._stopping.wait(RETRY_SECONDS)
        connection.close()

    def _become_active(self, own: Any) -> bool:
        while not self._stopping.is_set():
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ACTIVE_LOCK])
                row = cursor.fetchone()
            if row and row[0]:
                return True
            self._wait(None, POLL_SECONDS)
        return False

    def _wait(self, own: Any, seconds: float) -> None:
        """Wait for a notification, for the stop, or for the time to pass."""
        heard = [self._wake_reader]
        if own is not None:
            heard.append(own.connection.fileno())
        select.select(heard, [], [], seconds)
        if own is not None:
            # Raises when the server has ended; what was announced is found by looking.
            for _ in own.connection.notifies(timeout=0):
                pass
