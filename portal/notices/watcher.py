"""The watcher: a program of its own that does what is due, without a broker and without workers.

One is active, by an advisory lock; another stands by. It sweeps every second, or when it is woken,
and says so in the database: when it falls silent, the portal is no longer ready. Letters leave in a
thread of their own, so that a slow provider delays no ladder.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import FrameType
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection

from portal.core import clock
from portal.core.failpoints import failpoint
from portal.core.programs import RETRY_SECONDS, Program
from portal.live.watch import rights_state
from portal.notices.models import Dispatch, EscalationStep
from portal.notices.services.escalating import include_newcomers, take_step
from portal.notices.services.posting import post_due, release
from portal.notices.services.telling import CHANNEL
from portal.notices.vocabulary import DispatchState, StepState

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
NEWCOMERS_SECONDS = 60.0
MOST_LOOKED_AT = 2000
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


class Watcher(Program):
    """Sweeps until stopped."""

    name = "watcher"
    channel = CHANNEL
    lock = 0x0A7C_0001

    def __init__(self) -> None:
        super().__init__()
        self._letters = threading.Event()
        self._is_active = False

    def run(self) -> None:
        """Work until stopped; letters leave in a thread of their own."""
        posting = threading.Thread(target=self._post, name="post")
        posting.start()
        super().run()
        posting.join()

    def stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        """End after what is at hand."""
        super().stop()
        self._letters.set()

    def work(self, own: Any) -> None:
        """Sweep, and let letters leave, until stopped."""
        release()
        sweeper = Sweeper()
        self._is_active = True
        try:
            while not self.stopping.is_set():
                sweeper.sweep(clock.now())
                self._letters.set()
                self.wait(own, POLL_SECONDS)
        finally:
            self._is_active = False

    def _post(self) -> None:
        post = Post()
        while not self.stopping.is_set():
            self._letters.wait()
            self._letters.clear()
            try:
                while self._is_active and post.sweep(clock.now()):
                    if self.stopping.is_set():
                        break
            except Exception as error:
                log.warning("post_waits", error=type(error).__name__, exc_info=error)
                connection.close()
                self.stopping.wait(RETRY_SECONDS)
        connection.close()
