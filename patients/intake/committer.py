"""Group commit: whatever is queued is written together, and only then answered.

A lane is a queue and a connection. There is no artificial delay: a batch is what came in while
others were being written. One is being written, and if enough has come in the next one waits at the
database already (libpq's pipeline, patients.intake.telling): it goes on from one to the other by
itself, without a word from the server, which is busy with reading and answering.

Of many that wait a batch takes no more than half of all that are queued or not yet answered: were
it to take all, the database would have nothing to do while they are answered, and the server
nothing while they are written. A second connection would be another batch at the same time:
smaller ones, and slower by a quarter on two processors (ADR 0011).
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import psycopg

from patients.intake.jobs import UNAVAILABLE, Job, Outcome
from patients.intake.lines import Line
from patients.intake.writing import write
from portal.api.database import is_transient
from portal.outbox.kinds import Lane

logger = logging.getLogger(__name__)

# What is more would neither stay in the processor's cache nor go into the socket at once.
MOST_ROWS = 256
# So few are not worth a second commit, nor a place behind the batch that is being written.
LEAST_ROWS = 32
MOST_BYTES = 8_000_000
# One is being written and one waits at the database, which goes on with it by itself.
MOST_BATCHES = 2
# The bound of a queue: a second's work at the lane's own pace, within these.
LEAST_WAITING, MOST_WAITING = 1_000, 20_000
# Who asks what became of an upload waits like a batch does, so many of them at a time.
QUESTIONS_AT_A_TIME, MOST_QUESTIONS = 16, 1_000
TRIES = 3
# Undone by the server for somebody else's sake: deadlock, serialization.
_AGAIN = ("40",)


class Committer:
    """One lane: takes jobs, writes them in groups, settles them after the commit."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._queue: deque[Job] = deque()
        self._line = Line(lane)
        self._rate = float(LEAST_WAITING)
        # Whether something is being written, or will be in the loop's next round.
        self._is_busy = False
        self._batches = 0
        self._ended_at = 0.0
        self._unanswered = 0
        self._questions, self._turns = 0, asyncio.Semaphore(QUESTIONS_AT_A_TIME)
        self._is_closing = False
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Write what is queued, answer it, and let go of the connection."""
        self._is_closing = True
        if self._is_busy or self._questions:
            await self._over.wait()
        await self._line.close()

    def is_full(self, more: int = 1) -> bool:
        """Whether `more` jobs would wait longer than about a second."""
        bound = min(MOST_WAITING, max(LEAST_WAITING, self._rate))
        return self._is_closing or len(self._queue) + more > bound

    def submit(self, job: Job) -> None:
        """Queue a job; it is settled once, after its commit or its refusal."""
        self._queue.append(job)
        if not self._is_busy:
            self._begin()
            return
        if len(self._queue) >= LEAST_ROWS and self._has_room():
            self._send_next()

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a reading statement. Raises: psycopg.Error, OSError, TimeoutError."""
        if self._is_closing or self._questions >= MOST_QUESTIONS:
            raise psycopg.OperationalError("too many wait for the database")
        self._questions += 1
        self._over.clear()
        try:
            async with self._turns:
                return await self._line.ask(sql, parameters)
        except Exception:  # whatever it was, a connection of no more use is let go of
            await self._line.drop_if_lost()
            raise
        finally:
            self._questions -= 1
            self._rest()

    # --- one behind the other ---------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin when what the loop has in hand has been read."""
        self._is_busy = True
        self._over.clear()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _has_room(self) -> bool:
        """Whether the database may be told a batch before it is done with another one."""
        return self._batches < MOST_BATCHES and self._line.is_ready()

    def _go_on(self) -> None:
        """Send the next batch: whatever waits if nothing is being written, or else enough of it."""
        if not self._batches and not self._queue:
            self._is_busy = False
            self._rest()
        elif not self._batches or (len(self._queue) >= LEAST_ROWS and self._has_room()):
            self._send_next()

    def _rest(self) -> None:
        if not (self._is_busy or self._questions):
            self._over.set()

    def _send_next(self) -> None:
        batch = self._take()
        self._batches += 1
        sent_at = time.monotonic()

        def note(error: Exception | None) -> None:
            if error is not None:
                self._do(self._write_all(batch, error))
                return
            began_at, self._ended_at = max(sent_at, self._ended_at), time.monotonic()
            self._measure(len(batch), self._ended_at - began_at)
            self._conclude(batch)

        if self._line.is_ready():
            self._line.tell(write(batch, self.lane), note)
        else:
            self._do(self._write_all(batch))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _conclude(self, batch: Sequence[Job]) -> None:
        """Answer a batch; the next one goes first, so that the database has work."""
        self._batches -= 1
        self._unanswered += len(batch)
        try:
            self._go_on()
            for job in batch:
                _settle(job)
        finally:
            self._unanswered -= len(batch)

    def _take(self) -> list[Job]:
        batch: list[Job] = []
        size = 0
        half = (len(self._queue) + self._unanswered + 1) // 2
        most = min(MOST_ROWS, max(LEAST_ROWS, half))
        while self._queue and len(batch) < most and size < MOST_BYTES:
            job = self._queue.popleft()
            size += len(job.raw)
            batch.append(job)
        return batch

    def _measure(self, rows: int, seconds: float) -> None:
        """Follow the pace of full batches; small ones say nothing of what the lane can do."""
        if rows >= 32 and seconds > 0:
            self._rate += 0.2 * (rows / seconds - self._rate)

    # --- at leisure: without a connection, and what went wrong ------------------------------------

    async def _write_all(self, batch: Sequence[Job], error: Exception | None = None) -> None:
        """Write a batch, whatever it takes; or mend what went wrong with it, and go on."""
        try:
            if error is None:
                await self._write(batch)
            else:
                await self._mend(batch, error)
        finally:
            _refuse([job for job in batch if job.outcome is None], UNAVAILABLE)
            self._conclude(batch)

    async def _write(self, batch: Sequence[Job], tries: int = TRIES) -> None:
        """Write a batch; if the database minds a row, the others are written without it."""
        try:
            await self._line.told(write(batch, self.lane))
        except Exception as error:
            await self._mend(batch, error, tries)

    async def _mend(self, batch: Sequence[Job], error: Exception, tries: int = TRIES) -> None:
        if not isinstance(error, psycopg.Error | OSError | TimeoutError):
            # A mistake of ours: nobody is told that anything was stored.
            logger.error("intake_failed", exc_info=error)
            await self._line.drop_if_lost()
            if len(batch) > 1:
                await self._divide(batch, None)
            else:
                _refuse(batch, UNAVAILABLE)
            return
        state = str(getattr(error, "sqlstate", None) or "")
        if state.startswith(_AGAIN) and tries > 1:
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 - spreads, hides nothing
            await self._write(batch, tries - 1)
        elif is_transient(state) or not state:
            # Phones keep what they have and come again.
            logger.warning("intake_unavailable", extra={"why": type(error).__name__})
            _refuse(batch, UNAVAILABLE)
            await self._line.drop_if_lost()
        else:
            await self._divide(batch, error)

    async def _divide(self, batch: Sequence[Job], error: Exception | None) -> None:
        if len(batch) > 1:
            half = len(batch) // 2
            await self._write(batch[:half])
            await self._write(batch[half:])
            return
        logger.error("intake_refused_by_database", exc_info=error)
        _refuse(batch, "cannot_be_stored")


def _settle(job: Job) -> None:
    if job.settle is not None:
        try:
            job.settle(job)
        except Exception:
            # A mistake of ours in one answer is not the next one's.
            logger.exception("intake_not_answered")


def _refuse(batch: Sequence[Job], code: str) -> None:
    for job in batch:
        job.outcome = Outcome(code)
