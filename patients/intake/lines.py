"""A connection to the database that intake keeps for itself, with the limits of uploads."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings

from patients.intake.rows import NUMBERS, teach
from patients.intake.telling import Connection, Done, Wire
from patients.intake.writing import TYPES, Story
from portal.core.history import Source
from portal.core.ids import INTAKE_ACCOUNT
from portal.outbox.kinds import Lane

CONNECT_SECONDS = 1.5
_BACK_OFF = (0.05, 0.1, 0.25, 0.5, 1.0)
_OPTIONS = (
    " -c statement_timeout=5s -c lock_timeout=500ms -c synchronous_commit=on"
    # One plan for a batch of any size: every table is reached by an index, in a nested loop.
    " -c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
    " -c enable_mergejoin=off -c enable_bitmapscan=off"
    # Whoever's upload it is, intake writes it: declared once for the connection, which it shares
    # with nobody.
    f" -c portal.actor={INTAKE_ACCOUNT} -c portal.source={Source.INTAKE.value}"
)
_NAMES = [row_type.name for row_type in TYPES]


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
        self._connection: Connection | None = None
        self._wire: Wire | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._retry_at = 0.0

    def is_ready(self) -> bool:
        """Whether a story can be told at once, as far as anybody knows."""
        return self._wire is not None and self._wire.is_ready()

    def tell(self, story: Story, done: Done) -> None:
        """Send the statements of a story, each with its rows in return, on a line that is ready.

        One that is told after another waits for it statement by statement. `done` is called once,
        with None or psycopg.Error, OSError, or what the story raises.
        """
        assert self._wire is not None
        self._wire.tell(story, done)

    async def told(self, story: Story) -> None:
        """Tell a story to its end, connecting if need be; it goes on if nobody waits any more.

        Raises: psycopg.Error, OSError, TimeoutError, and what the story raises.
        """
        await self._connect()
        ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def end(error: Exception | None) -> None:
            if not ended.done():
                ended.set_result(error)

        self.tell(story, end)
        error = await ended
        if error is not None:
            raise error

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a reading statement. Raises: psycopg.Error, OSError, TimeoutError."""
        rows: list[Any] = []

        def question() -> Story:
            rows.extend((yield sql, parameters))

        await self.told(question())
        return rows

    async def drop_if_lost(self) -> None:
        """Let go of a connection that is of no more use.

        One on which a statement was refused is: others may be under way.
        """
        if not self.is_ready():
            await self.close()

    async def close(self) -> None:
        """Let go of the connection; what is being told on it fails."""
        wire, self._wire = self._wire, None
        connection, self._connection = self._connection, None
        if wire is not None:
            wire.end(psycopg.OperationalError("the connection was closed"))
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _connect(self) -> None:
        """Connect if there is no connection, after a failure only as often as the back-off lets.

        One that the server has ended meanwhile is replaced before anybody's upload goes into it.
        Raises: psycopg.OperationalError, TimeoutError.
        """
        async with self._connecting:
            if self._connection is not None:
                if self.is_ready():
                    return
                await self.close()
            if time.monotonic() < self._retry_at:
                raise psycopg.OperationalError("the database was away a moment ago")
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    made = await _made(self._lane)
            except (psycopg.Error, OSError, TimeoutError):
                # From the end of the attempt on: who waited for it does not wait for another one.
                back_off = _BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)]
                self._retry_at = time.monotonic() + back_off
                self._failures += 1
                raise
            self._connection, self._failures, self._retry_at = made, 0, 0.0
            self._wire = Wire(made)


async def _made(lane: Lane) -> Connection:
    """Return a connection that knows the types of what is sent. Raises: psycopg.Error, OSError."""
    made: Connection = await psycopg.AsyncConnection.connect(
        autocommit=True, **connection_options(lane)
    )
    try:
        numbers = await made.execute(NUMBERS, [_NAMES])
        teach(made, await numbers.fetchall())
    except BaseException:
        await made.close()
        raise
    return made


def tell_at_once(connection: psycopg.Connection[Any], story: Story) -> None:
    """Tell a story on a connection of somebody else's, in whose transaction it is.

    Raises: psycopg.Error, and what the story raises.
    """
    # psycopg's own cursor: the rows of a batch go beside the statement, not into its text.
    teach(connection, psycopg.Cursor(connection).execute(NUMBERS, [_NAMES]).fetchall())
    with psycopg.Cursor(connection) as cursor, suppress(StopIteration):
        sql, parameters = next(story)
        while True:
            cursor.execute(sql, parameters)
            sql, parameters = story.send(cursor.fetchall())
