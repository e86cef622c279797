"""Group commit: whatever is queued is written together, and only then answered.

A lane is a queue and a connection. There is no artificial delay: a batch is what came in while the
one before it was being written, and it is on its way before the one before is answered, so that the
database works while the answers are made. Whoever reads many requests or writes many answers looks
now and then whether the database is done: it would wait for hundreds of them otherwise.

Of many that wait a batch takes no more than half of all that are under way: were it to take all,
the database would have nothing to do while they are answered, and the server nothing while they are
written. A second connection would be another batch at the same time: smaller ones, and slower by a
quarter on two processors (ADR 0011).
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import psycopg
from msgspec import Struct

from patients.intake.jobs import UNAVAILABLE, Job, Outcome
from patients.intake.lines import Line
from patients.intake.writing import write
from portal.api.database import is_transient
from portal.outbox.kinds import Lane

logger = logging.getLogger(__name__)

MOST_ROWS = 512
# So few are not worth a second commit.
LEAST_ROWS = 32
MOST_BYTES = 8_000_000
# The bound of a queue: a second's work at the lane's own pace, within these.
LEAST_WAITING, MOST_WAITING = 1_000, 20_000
# A sixteenth of a batch's requests read or answers written, within these, then a look at what the
# database has done: a look costs little, and as long as none is taken the database may be waiting.
LOOKS, MOST_UNLOOKED = 16, 32
# Who asks what became of an upload waits for a batch; so many are answered between two batches.
QUESTIONS_A_TURN, MOST_QUESTIONS = 16, 1_000
TRIES = 3
# Undone by the server for somebody else's sake: deadlock, serialization.
_AGAIN = ("40",)


class _Question(Struct):
    """A reading statement, and who waits for its rows."""

    sql: str
    parameters: Sequence[Any]
    answer: asyncio.Future[list[Any]]


class Committer:
    """One lane: takes jobs, writes them in groups, settles them after the commit."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._queue: deque[Job] = deque()
        self._questions: deque[_Question] = deque()
        self._line = Line(lane)
        self._rate = float(LEAST_WAITING)
        # Whether something is being written or asked, or will be in the loop's next round.
        self._is_busy = False
        self._batch: Sequence[Job] = ()
        self._began = 0.0
        self._unlooked, self._look_after = 0, MOST_UNLOOKED
        self._written: deque[Sequence[Job]] = deque()
        self._unanswered = 0
        self._is_settling = False
        self._is_closing = False
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Write what is queued, answer it, and let go of the connection."""
        self._is_closing = True
        if self._is_busy:
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
        else:
            self._unlooked += 1
            if self._unlooked >= self._look_after:
                self._look()

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a reading statement. Raises: psycopg.Error, OSError, TimeoutError."""
        if self._is_closing or len(self._questions) >= MOST_QUESTIONS:
            raise psycopg.OperationalError("too many wait for the database")
        question = _Question(sql, parameters, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        if not self._is_busy:
            self._begin()
        return await question.answer

    # --- one after the other ----------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin when what the loop has in hand has been read."""
        self._is_busy = True
        self._over.clear()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self, *, has_asked: bool = False) -> None:
        """Send the next batch, or the next questions: they take turns."""
        if self._questions and not (has_asked and self._queue):
            self._do(self._answer_some())
            return
        self._batch = batch = self._take()
        if not batch:
            self._is_busy = False
            self._over.set()
            return
        self._began = time.monotonic()
        if self._line.is_ready():
            self._line.tell(write(batch, self.lane), self._note)
        else:
            self._do(self._write_all(batch))

    def _look(self) -> None:
        self._unlooked = 0
        self._line.look()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)

    def _note(self, error: Exception | None) -> None:
        """Go on after a batch: with the next one first, so that the database has work."""
        if error is not None:
            self._do(self._write_all(self._batch, error))
            return
        self._measure(len(self._batch), time.monotonic() - self._began)
        self._conclude()

    def _conclude(self) -> None:
        self._written.append(self._batch)
        self._unanswered += len(self._batch)
        self._go_on()
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while self._written:
                self._answer_all(self._written.popleft())
        finally:
            self._is_settling = False

    def _answer_all(self, batch: Sequence[Job]) -> None:
        try:
            for job in batch:
                _settle(job)
                self._unlooked += 1
                if self._unlooked >= self._look_after:
                    self._look()
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
        self._look_after = min(MOST_UNLOOKED, max(1, len(batch) // LOOKS))
        return batch

    def _measure(self, rows: int, seconds: float) -> None:
        """Follow the pace of full batches; small ones say nothing of what the lane can do."""
        if rows >= 32 and seconds > 0:
            self._rate += 0.2 * (rows / seconds - self._rate)

    # --- at leisure: without a connection, and what went wrong ------------------------------------

    async def _answer_some(self) -> None:
        try:
            for _ in range(min(QUESTIONS_A_TURN, len(self._questions))):
                await self._answer(self._questions.popleft())
        finally:
            self._go_on(has_asked=True)

    async def _answer(self, question: _Question) -> None:
        if question.answer.done():
            return  # whoever asked has left
        try:
            rows = await self._line.ask(question.sql, question.parameters)
        except Exception as error:
            await self._line.drop_after(error)
            if not question.answer.done():
                question.answer.set_exception(error)
        else:
            if not question.answer.done():
                question.answer.set_result(rows)

    async def _write_all(self, batch: Sequence[Job], error: Exception | None = None) -> None:
        """Write a batch, whatever it takes; or mend what went wrong with it, and go on."""
        try:
            if error is None:
                await self._write(batch)
            else:
                await self._mend(batch, error)
        finally:
            _refuse([job for job in batch if job.outcome is None], UNAVAILABLE)
            self._conclude()

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
            await self._line.drop_after(error)
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
            await self._line.drop_after(error)
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
