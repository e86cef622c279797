"""Group commit: whatever is queued is written together, and only then answered.

A lane is a queue, a connection and a task. There is no artificial delay: a batch is what came in
while the one before it was being written, and it is on its way before the one before is answered,
so that the database works while the answers are made. Of many that wait a batch takes no more than
half of all that are under way: were it to take all, the database would have nothing to do while
they are answered, and the server nothing while they are written. A second connection would be
another batch at the same time: smaller ones, and slower by a quarter on two processors (ADR 0011).
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg

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
TRIES = 3
# Undone by the server for somebody else's sake: deadlock, serialization.
_AGAIN = ("40",)


class Committer:
    """One lane: takes jobs, writes them in groups, settles them after the commit."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._queue: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._rate = float(LEAST_WAITING)
        self._line = Line(lane)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Write what is queued, answer it, and let go of the connection."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._line.close()

    def is_full(self, more: int = 1) -> bool:
        """Whether `more` jobs would wait longer than about a second."""
        bound = min(MOST_WAITING, max(LEAST_WAITING, self._rate))
        return self._is_closing or len(self._queue) + more > bound

    def submit(self, job: Job) -> None:
        """Queue a job; it is settled once, after its commit or its refusal."""
        self._queue.append(job)
        self._wake.set()

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a reading statement. Raises: psycopg.Error, OSError."""
        return await self._line.ask(sql, parameters)

    # --- the loop ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._work_off()
            if self._is_closing:
                return

    async def _work_off(self) -> None:
        """Write until nothing is queued; the next batch is with the database before answers are."""
        loop = asyncio.get_running_loop()
        written: Sequence[Job] = ()
        while self._queue or written:
            batch = self._take(len(written))
            began = time.monotonic()
            writing = loop.create_task(self._write(batch)) if batch else None
            if writing is not None and written:
                await asyncio.sleep(0)  # the task sends its statement
            _settle(written)
            if writing is not None:
                await writing
                self._measure(len(batch), time.monotonic() - began)
            written = batch

    def _take(self, unanswered: int) -> list[Job]:
        batch: list[Job] = []
        size = 0
        half = (len(self._queue) + unanswered + 1) // 2
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

    async def _write(self, batch: Sequence[Job], tries: int = TRIES) -> None:
        """Write a batch; if the database minds a row, the others are written without it."""
        try:
            await self._line.tell(write(batch, self.lane))
        except (psycopg.Error, OSError, TimeoutError) as error:
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
        except Exception:
            # A mistake of ours: nobody is told that anything was stored.
            logger.exception("intake_failed")
            if len(batch) > 1:
                await self._divide(batch, None)
            else:
                _refuse(batch, UNAVAILABLE)

    async def _divide(self, batch: Sequence[Job], error: Exception | None) -> None:
        if len(batch) > 1:
            half = len(batch) // 2
            await self._write(batch[:half])
            await self._write(batch[half:])
            return
        logger.error("intake_refused_by_database", exc_info=error)
        _refuse(batch, "cannot_be_stored")


def _settle(batch: Sequence[Job]) -> None:
    for job in batch:
        if job.settle is not None:
            try:
                job.settle(job)
            except Exception:
                # A mistake of ours in one answer is not the next one's.
                logger.exception("intake_not_answered")


def _refuse(batch: Sequence[Job], code: str) -> None:
    for job in batch:
        job.outcome = Outcome(code)
