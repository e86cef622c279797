"""Stories told to the database by callbacks: their statements go out, their rows come in.

psycopg's own way to wait makes a task, an event and a time-out each time; here the loop's reader
goes on with the stories. Statements go out in libpq's pipeline: the next one waits at the server,
which goes on with it while the loop is busy with something longer. Each is a transaction of its
own, ended by its own Sync: one that fails takes nothing of the next one with it, and none is done
before the server has committed it. Written with psycopg.pq, psycopg's documented wrapper of libpq.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from patients.intake.writing import Found, Story
from portal.patience import has_ended

# For one statement, beyond every time-out of the server's: the network has swallowed it.
WRITE_SECONDS = 8.0
Connection = psycopg.AsyncConnection[Any]
# Called once, with what went wrong or None.
Done = Callable[[Exception | None], None]
# A prepared statement: its text, and the types of its parameters.
_Key = tuple[str, tuple[int, ...]]
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)
# Of these severities the session ends. Source: PostgreSQL, error and notice message fields.
_LAST_WORDS = ("FATAL", "PANIC")


class _Statement(Struct):
    """A statement that is under way, whose story it belongs to, and what was heard of it."""

    story: Story
    done: Done
    transformer: abc.Transformer
    # What is remembered as prepared once it went well.
    prepares: _Key | None = None
    name: bytes = b""
    result: PGresult | None = None
    error: Exception | None = None


class Wire:
    """A connection that nobody else uses, and the stories that are being told on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._raw = connection.pgconn
        self._raw.enter_pipeline_mode()
        self._place = self._raw.socket
        self._prepared: dict[_Key, bytes] = {}
        self._names = count()
        # In the order in which they were sent, which is that of their results.
        self._under_way: deque[_Statement] = deque()
        self._loop = asyncio.get_running_loop()
        self._is_full = self._is_over = False
        # Since when the first of them has had the server to itself.
        self._since = 0.0
        self._limit: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._place, self._look)

    def is_ready(self) -> bool:
        """Whether a story can be told, as far as anybody knows."""
        return not (self._is_over or has_ended(self._raw))

    def tell(self, story: Story, done: Done) -> None:
        """Send the first statement of a story; the others follow as the server answers.

        `done` is called once, with None or psycopg.Error, OSError, or what the story raises.
        """
        self._go_on(story, done, None)

    def end(self, error: Exception) -> None:
        """Be done before the end: every story fails, and the connection is of no more use."""
        if self._is_over:
            return  # its socket may be another connection's by now
        self._is_over = True
        if self._limit is not None:
            self._limit.cancel()
        # What broke may have closed the socket already, and the loop minds.
        with suppress(OSError, RuntimeError):
            self._loop.remove_writer(self._place)
        with suppress(OSError, RuntimeError):
            self._loop.remove_reader(self._place)
        while self._under_way:
            statement = self._under_way.popleft()
            statement.done(statement.error or error)

    # --- what goes out ----------------------------------------------------------------------------

    def _go_on(self, story: Story, done: Done, rows: Found | None) -> None:
        """Send the next statement of a story, or say that it is over."""
        try:
            sql, parameters = next(story) if rows is None else story.send(rows)
            transformer = Transformer(self._connection)
            values = transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        except StopIteration:
            done(None)
            return
        except Exception as error:
            done(error)
            return
        if self._is_over:
            done(psycopg.OperationalError("the connection is lost"))
            return
        self._under_way.append(_Statement(story, done, transformer))
        try:
            self._send(self._under_way[-1], sql, values)
        except Exception as error:
            self.end(error)

    def _send(self, statement: _Statement, sql: str, values: Sequence[Any]) -> None:
        """Send a statement and its Sync: it is a transaction of its own."""
        transformer = statement.transformer
        key = (sql, tuple(transformer.types or ()))
        name = self._prepared.get(key)
        if name is None:
            # A new name each time: the one before it may be on its way, or may have failed.
            name = b"intake_%d" % next(self._names)
            statement.prepares, statement.name = key, name
            self._raw.send_prepare(name, _numbered(sql), key[1])
        self._raw.send_query_prepared(name, values, transformer.formats)
        self._raw.pipeline_sync()
        if len(self._under_way) == 1:
            self._since = self._loop.time()
        if self._limit is None:
            self._limit = self._loop.call_later(WRITE_SECONDS, self._check)
        self._flush()

    def _flush(self) -> None:
        """Send what libpq holds; what the server does not take now goes when it does."""
        is_full = bool(self._raw.flush())
        if is_full and not self._is_full:
            self._loop.add_writer(self._place, self._write_on)
        elif self._is_full and not is_full:
            self._loop.remove_writer(self._place)
        self._is_full = is_full

    def _write_on(self) -> None:
        try:
            self._flush()
        except Exception as error:
            self.end(error)

    # --- what comes in ----------------------------------------------------------------------------

    def _look(self) -> None:
        """Go on as far as the server lets; nobody waits."""
        try:
            self._hear()
        except Exception as error:
            self.end(error)

    def _hear(self) -> None:
        """Take what the server has said so far. Raises: psycopg.Error."""
        raw = self._raw
        raw.consume_input()
        if self._is_full:
            self._flush()
        is_between = False
        while self._under_way and not raw.is_busy():
            result = raw.get_result()
            if result is None:
                # Once between the results of two; twice says that nothing more will come.
                if is_between:
                    raise psycopg.OperationalError("the connection is lost")
                is_between = True
                continue
            is_between = False
            self._take(self._under_way[0], result)

    def _take(self, statement: _Statement, result: PGresult) -> None:
        status = result.status
        if status == ExecStatus.PIPELINE_SYNC:
            # Only now has the server committed it, or undone it.
            self._under_way.popleft()
            self._since = self._loop.time()
            self._conclude(statement)
        elif status in _FAILED:
            error = error_from_result(result)
            statement.error = statement.error or error
            if error.diag.severity_nonlocalized in _LAST_WORDS:
                raise statement.error
        elif statement.result is None or status == ExecStatus.TUPLES_OK:
            statement.result = result

    def _conclude(self, statement: _Statement) -> None:
        if statement.error is not None:
            statement.done(statement.error)
            return
        if statement.prepares is not None:
            self._prepared[statement.prepares] = statement.name
        assert statement.result is not None
        try:
            statement.transformer.set_pgresult(statement.result)
            rows = statement.transformer.load_rows(0, statement.result.ntuples, tuple)
        except Exception as error:
            statement.done(error)
            return
        self._go_on(statement.story, statement.done, rows)

    def _check(self) -> None:
        """End everything if the server has said nothing for too long."""
        self._limit = None
        if not self._under_way:
            return
        left = self._since + WRITE_SECONDS - self._loop.time()
        if left > 0:
            self._limit = self._loop.call_later(left, self._check)
        else:
            # Cancelling would take as long again: a silent server would be asked to stop.
            self.end(psycopg.OperationalError("the database said nothing"))


@lru_cache(maxsize=64)
def _numbered(sql: str) -> bytes:
    """Return a statement with the places of its parameters as libpq names them."""
    first, *others = sql.split("%s")
    places = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join((first, *places)).replace("%%", "%").encode()
