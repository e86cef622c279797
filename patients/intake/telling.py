"""A story told to the database by callbacks: its statements go out, its rows come in.

psycopg's own way to wait makes a task, an event and a time-out each time. Here the loop's reader
goes on with the story, or whoever is busy with something longer and looks whether the database has
answered meanwhile. Written with psycopg.pq, psycopg's documented wrapper of libpq.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from patients.intake.writing import Found, Story

# For one statement, beyond every time-out of the server's: the network has swallowed it.
WRITE_SECONDS = 8.0
Pause = Generator[None, None, None]
Connection = psycopg.AsyncConnection[Any]
# Called once, with what went wrong or None.
Done = Callable[[Exception | None], None]
# The statements that a connection has prepared: their names by text and types.
Prepared = dict[tuple[str, tuple[int, ...]], bytes]
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Telling:
    """One story on one connection that nobody else uses until it is done."""

    def __init__(
        self, connection: Connection, prepared: Prepared, story: Story, done: Done
    ) -> None:
        self._connection = connection
        self._raw = connection.pgconn
        self._prepared = prepared
        self._steps = self._tell(story)
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._place = self._raw.socket
        self._is_full = False
        self._limit: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send the first statement."""
        self._loop.add_reader(self._place, self.look)
        self.look()

    def look(self) -> None:
        """Go on as far as the server lets; nobody waits."""
        try:
            next(self._steps)
        except StopIteration:
            self.end(None)
        except Exception as error:
            self.end(error)

    def end(self, error: Exception | None) -> None:
        """Be done, after the last statement or before it; then the connection is of no more use."""
        if self._limit is not None:
            self._limit.cancel()
        # What broke may have closed the socket already, and the loop minds.
        with suppress(OSError, RuntimeError):
            self._loop.remove_writer(self._place)
        with suppress(OSError, RuntimeError):
            self._loop.remove_reader(self._place)
        self._done(error)

    # --- statements -------------------------------------------------------------------------------

    def _tell(self, story: Story) -> Pause:
        rows: Found | None = None
        while True:
            try:
                sql, parameters = next(story) if rows is None else story.send(rows)
            except StopIteration:
                return
            rows = yield from self._ask(sql, parameters)

    def _ask(self, sql: str, parameters: Sequence[Any]) -> Generator[None, None, Found]:
        """Return the rows of a statement. Raises: psycopg.Error."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._loop.call_later(WRITE_SECONDS, self._give_up)
        transformer = Transformer(self._connection)
        values = transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        key = (sql, tuple(transformer.types or ()))
        name = self._prepared.get(key)
        if name is None:
            name = b"intake_%d" % len(self._prepared)
            self._raw.send_prepare(name, _numbered(sql), key[1])
            yield from self._result()
            self._prepared[key] = name
        self._raw.send_query_prepared(name, values, transformer.formats)
        result = yield from self._result()
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def _result(self) -> Generator[None, None, PGresult]:
        """Return the result of what was sent, when the server is ready for more: it is committed.

        Raises: psycopg.Error.
        """
        while self._raw.flush():
            self._write_on(True)
            yield
            self._raw.consume_input()
        self._write_on(False)
        results: list[PGresult] = []
        while True:
            while self._raw.is_busy():
                yield
                self._raw.consume_input()
            result = self._raw.get_result()
            if result is None:
                break
            results.append(result)
        for result in results:
            if result.status in _FAILED:
                raise error_from_result(result)
        return results[0]

    def _write_on(self, is_full: bool) -> None:
        """Have the loop say, or not, when the server takes more."""
        if is_full and not self._is_full:
            self._loop.add_writer(self._place, self.look)
        elif self._is_full and not is_full:
            self._loop.remove_writer(self._place)
        self._is_full = is_full

    def _give_up(self) -> None:
        # Cancelling the statement would take as long again: a silent server would be asked to stop.
        self.end(psycopg.OperationalError("the database said nothing"))


@lru_cache(maxsize=64)
def _numbered(sql: str) -> bytes:
    """Return a statement with the places of its parameters as libpq names them."""
    first, *others = sql.split("%s")
    places = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join((first, *places)).replace("%%", "%").encode()
