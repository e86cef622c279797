"""Group commit: whatever is queued is written together, and only then answered.

A lane is a queue, a connection and a task. There is no artificial delay: a batch is what came in
while the one before it was being written, and it is on its way before the one before is answered,
so that the database works while the answers are made. Of many that wait a batch takes no more than
half of all that are under way: were it to take all, the database would have nothing to do while
they are answered, and the server nothing while they are written.
"""

import asyncio
import logging
import os
import random
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings

from patients.intake.jobs import UNAVAILABLE, Job, Outcome
from patients.intake.writing import write
from portal.api.database import is_transient
from portal.outbox.kinds import Lane
from portal.patience import has_ended

logger = logging.getLogger(__name__)

MOST_ROWS = 512
# So few are not worth a second commit.
LEAST_ROWS = 32
MOST_BYTES = 8_000_000
# The bound of a queue: a second's work at the lane's own pace, within these.
LEAST_WAITING, MOST_WAITING = 1_000, 20_000
CONNECT_SECONDS = 1.5
# Beyond every time-out of the server's: the network has swallowed the connection.
WRITE_SECONDS = 8.0
TRIES = 3
_BACK_OFF = (0.05, 0.1, 0.25, 0.5, 1.0)
# Undone by the server for somebody else's sake: deadlock, serialization.
_AGAIN = ("40",)
_OPTIONS = (
    " -c statement_timeout=5s -c lock_timeout=500ms -c synchronous_commit=on"
    # One plan for a batch of any size: every table is reached by an index, in a nested loop.
    " -c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
    " -c enable_mergejoin=off -c enable_bitmapscan=off"
)


def connection_options(lane: Lane) -> dict[str, Any]:
    """Return what psycopg needs to connect for a lane, with the limits of intake."""
    is_safety = lane is Lane.SAFETY
    database = settings.SAFETY_DATABASE if is_safety else settings.DATABASES["default"]
    options = {
        key: value
        for key, value in database["OPTIONS"].items()
        if key not in ("pool", "options", "application_name")
    }
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}
    options |= {key: database[name] for key, name in names.items() if database[name]}
    if database["PORT"]:
        options["port"] = database["PORT"]
    told = database["OPTIONS"].get("options", "")
    return options | {
        "application_name": "portal-intake",
        "options": told + _OPTIONS,
        "connect_timeout": 2,
        "tcp_user_timeout": 3000,
    }


class Committer:
    """One lane: takes jobs, writes them in groups, settles them after the commit."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._queue: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._rate = float(LEAST_WAITING)
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
        await self._disconnect()

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
        connection = await self._connected()
        with _bounded(connection):
            async with connection.cursor() as cursor:
                await cursor.execute(sql, parameters, prepare=True)
                return await cursor.fetchall()

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
            await self._tell(batch)
        except (psycopg.Error, OSError, TimeoutError) as error:
            state = str(getattr(error, "sqlstate", None) or "")
            if state.startswith(_AGAIN) and tries > 1:
                await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 - spreads, hides nothing
                await self._write(batch, tries - 1)
            elif is_transient(state) or not state:
                await self._give_up(batch, error)
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

    async def _give_up(self, batch: Sequence[Job], error: Exception) -> None:
        """Answer that the database is away; phones keep what they have and come again."""
        logger.warning("intake_unavailable", extra={"why": type(error).__name__})
        _refuse(batch, UNAVAILABLE)
        if self._connection is not None and (
            self._connection.closed or isinstance(error, TimeoutError | psycopg.OperationalError)
        ):
            await self._disconnect()

    async def _tell(self, batch: Sequence[Job]) -> None:
        connection = await self._connected()
        story = write(batch, self.lane)
        try:
            sql, parameters = next(story)
            with _bounded(connection):
                while True:
                    async with connection.cursor() as cursor:
                        await cursor.execute(sql, parameters, prepare=True)
                        rows = await cursor.fetchall()
                    sql, parameters = story.send(rows)
        except StopIteration:
            return

    # --- the connection ---------------------------------------------------------------------------

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        """Return the connection, made anew after a failure, at most as often as the back-off lets.

        One that the server has ended meanwhile is replaced before anybody's upload goes into it.
        Raises: psycopg.OperationalError, TimeoutError.
        """
        if self._connection is not None:
            if not has_ended(self._connection.pgconn):
                return self._connection
            await self._disconnect()
        now = time.monotonic()
        if now < self._retry_at:
            raise psycopg.OperationalError("the database was away a moment ago")
        self._retry_at = now + _BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)]
        self._failures += 1
        async with asyncio.timeout(CONNECT_SECONDS):
            options = connection_options(self.lane)
            made = await psycopg.AsyncConnection.connect(autocommit=True, **options)
        self._connection, self._failures, self._retry_at = made, 0, 0.0
        return made

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()


@contextmanager
def _bounded(connection: psycopg.AsyncConnection[Any]) -> Iterator[None]:
    """Break a connection that is not done in time: its statement then fails as if the server ended.

    Cancelling the statement would take as long again: psycopg asks the silent server to stop.
    """
    limit = asyncio.get_running_loop().call_later(WRITE_SECONDS, _break, connection)
    try:
        yield
    finally:
        limit.cancel()


def _break(connection: psycopg.AsyncConnection[Any]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


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
