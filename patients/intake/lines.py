"""A connection to the database that intake keeps for itself, with the limits of uploads."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings

from patients.intake.columns import adapt
from patients.intake.writing import Story
from portal.outbox.kinds import Lane
from portal.patience import has_ended

CONNECT_SECONDS = 1.5
# Beyond every time-out of the server's: the network has swallowed the connection.
WRITE_SECONDS = 8.0
_BACK_OFF = (0.05, 0.1, 0.25, 0.5, 1.0)
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


class Line:
    """One connection, made when it is needed and anew after a failure."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._retry_at = 0.0

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a reading statement. Raises: psycopg.Error, OSError."""
        connection = await self._connected()
        with _bounded(connection):
            return await _rows(connection, sql, parameters)

    async def tell(self, story: Story) -> None:
        """Send the statements of a story, each with its rows in return.

        Raises: psycopg.Error, OSError, TimeoutError, and what the story raises.
        """
        connection = await self._connected()
        try:
            sql, parameters = next(story)
            with _bounded(connection):
                while True:
                    sql, parameters = story.send(await _rows(connection, sql, parameters))
        except StopIteration:
            return

    async def drop_after(self, error: Exception) -> None:
        """Let go of the connection if what went wrong went wrong with it."""
        if self._connection is not None and (
            self._connection.closed or isinstance(error, TimeoutError | psycopg.OperationalError)
        ):
            await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        """Return the connection, made anew after a failure, at most as often as the back-off lets.

        One that the server has ended meanwhile is replaced before anybody's upload goes into it.
        Raises: psycopg.OperationalError, TimeoutError.
        """
        async with self._connecting:
            if self._connection is not None:
                if not has_ended(self._connection.pgconn):
                    return self._connection
                await self.close()
            if time.monotonic() < self._retry_at:
                raise psycopg.OperationalError("the database was away a moment ago")
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    options = connection_options(self._lane)
                    made = await psycopg.AsyncConnection.connect(autocommit=True, **options)
            except (psycopg.Error, OSError, TimeoutError):
                # From the end of the attempt on: who waited for it does not wait for another one.
                back_off = _BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)]
                self._retry_at = time.monotonic() + back_off
                self._failures += 1
                raise
            adapt(made.adapters)
            self._connection, self._failures, self._retry_at = made, 0, 0.0
            return made


async def _rows(
    connection: psycopg.AsyncConnection[Any], sql: str, parameters: Sequence[Any]
) -> list[Any]:
    async with connection.cursor() as cursor:
        await cursor.execute(sql, parameters, prepare=True)
        return await cursor.fetchall()


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
