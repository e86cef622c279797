"""A connection of intake that breaks in the middle: somebody is told, and the next one works."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
import uvloop
from django.conf import settings

from patients.intake.lines import Line
from patients.intake.writing import Story
from portal.core import clock
from portal.core.ids import uuid7
from portal.outbox.kinds import Lane
from tests.plugins.servers import SERVERS
from tests.rig.proxy import FINE, Weather, proxied

pytestmark = pytest.mark.django_db(transaction=True)

# More than any socket takes at once: the statement is being sent when it happens.
LARGE = "x" * 8_000_000


@pytest.mark.req("F20")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    "weather",
    [Weather(blackhole=True), Weather(cut_after=300_000), Weather(cut_before_reply=b"xxxx")],
    ids=["silent", "reset while it is sent", "reset before the answer"],
)
def test_connection_that_goes_in_the_middle_is_told_of_and_replaced(
    monkeypatch: pytest.MonkeyPatch,
    loop: Callable[[], asyncio.AbstractEventLoop],
    weather: Weather,
) -> None:
    monkeypatch.setattr("patients.intake.telling.WRITE_SECONDS", 1.0)
    server = SERVERS.postgres.sockets / ".s.PGSQL.5432"
    with proxied(server) as proxy:
        database = settings.DATABASES["default"]
        monkeypatch.setitem(database, "HOST", "127.0.0.1")
        monkeypatch.setitem(database, "PORT", str(proxy.port))

        async def talk() -> None:
            line = Line(Lane.ORDINARY)
            assert await line.ask("SELECT 1", ()) == [(1,)]
            proxy.weather = weather
            with pytest.raises(psycopg.OperationalError):
                await line.ask("SELECT length(%s::text)", (LARGE,))
            await line.drop_if_lost()
            proxy.weather = FINE
            assert await line.ask("SELECT length(%s::text)", (LARGE,)) == [(len(LARGE),)]
            await line.close()

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(asyncio.wait_for(talk(), 60))


async def test_story_that_nobody_waits_for_any_more_leaves_a_line_that_works() -> None:
    line = Line(Lane.ORDINARY)
    asked = asyncio.ensure_future(line.ask("SELECT pg_sleep(4)", ()))
    await asyncio.sleep(0.2)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    assert await line.ask("SELECT 2", ()) == [(2,)]
    await line.close()


async def test_statement_that_fails_leaves_the_connection_in_use() -> None:
    line = Line(Lane.ORDINARY)
    (before,) = await line.ask("SELECT pg_backend_pid()", ())
    with pytest.raises(psycopg.errors.DivisionByZero):
        await line.ask("SELECT 1 / %s::int", (0,))
    await line.drop_if_lost()

    assert await line.ask("SELECT pg_backend_pid()", ()) == [before]
    await line.close()


# --- several stories under way --------------------------------------------------------------------

Told = list[tuple[str, object]]
# Its person does not exist, which the server only minds when it commits.
REFUSED_AT_THE_END = """INSERT INTO django_admin_log
    (action_time, object_repr, action_flag, change_message, user_id)
    VALUES (now(), '', 1, '', %s::uuid) RETURNING 1"""


def _begin(line: Line, told: Told, name: str, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Tell a story; what is heard is what its last statement returned, or what went wrong."""

    def story() -> Story:
        rows: object = None
        for sql, parameters in statements:
            rows = yield sql, parameters
        told.append((name, rows))

    def done(error: Exception | None) -> None:
        if error is not None:
            told.append((name, type(error)))

    line.tell(story(), done)


async def _heard(told: Told, count: int) -> None:
    async with asyncio.timeout(30):
        while len(told) < count:
            await asyncio.sleep(0.01)


async def test_story_told_behind_another_waits_at_the_server_and_not_for_a_look_from_here() -> None:
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    _begin(line, told, "first", ("SELECT pg_sleep(0.2)::text", ()))
    _begin(line, told, "second", ("SELECT clock_timestamp()", ()))

    time.sleep(1)
    looked_at = clock.now()
    await _heard(told, 2)

    (first, _), (second, rows) = told
    assert (first, second) == ("first", "second")
    assert isinstance(rows, list)
    assert rows[0][0] < looked_at - timedelta(seconds=0.4)
    await line.close()


async def test_statements_of_stories_told_together_come_back_each_to_its_own() -> None:
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    for name in range(20):
        _begin(line, told, str(name), *(("SELECT %s::int", (name * step,)) for step in (1, 2, 3)))
    await _heard(told, 20)

    assert sorted(told) == sorted((str(name), [(name * 3,)]) for name in range(20))
    await line.close()


async def test_statement_that_fails_takes_nothing_of_its_neighbors_with_it() -> None:
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    _begin(line, told, "before", ("SELECT 1 / %s::int", (1,)))
    _begin(line, told, "wrong", ("SELECT 1 / %s::int", (0,)), ("SELECT 5", ()))
    _begin(line, told, "unknown", ("SELECT nothing FROM nowhere", ()))
    _begin(line, told, "after", ("SELECT 1 / %s::int", (1,)), ("SELECT 6", ()))
    await _heard(told, 4)

    assert told == [
        ("before", [(1,)]),
        ("wrong", psycopg.errors.DivisionByZero),
        ("unknown", psycopg.errors.UndefinedTable),
        ("after", [(6,)]),
    ]
    assert line.is_ready()
    await line.close()


async def test_story_is_not_done_before_the_server_has_committed() -> None:
    """A result comes before the commit, which may still fail."""
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    _begin(line, told, "refused", (REFUSED_AT_THE_END, (uuid7(),)))
    _begin(line, told, "after", ("SELECT count(*) FROM django_admin_log", ()))
    await _heard(told, 2)

    assert told == [("refused", psycopg.errors.ForeignKeyViolation), ("after", [(0,)])]
    await line.close()


async def test_every_story_hears_of_the_end_of_the_session_and_the_next_one_is_told_anew() -> None:
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    _begin(line, told, "ends", ("SELECT pg_terminate_backend(pg_backend_pid())", ()))
    _begin(line, told, "behind", ("SELECT 1", ()))
    _begin(line, told, "last", ("SELECT 2", ()))
    await _heard(told, 3)

    assert [name for name, _ in told] == ["ends", "behind", "last"]
    assert all(
        isinstance(what, type) and issubclass(what, psycopg.OperationalError) for _, what in told
    )
    assert not line.is_ready()
    assert await line.ask("SELECT 3", ()) == [(3,)]
    (pid,) = await line.ask("SELECT pg_backend_pid()", ())
    await line.drop_if_lost()  # as whoever hears of the old connection's end last
    assert await line.ask("SELECT pg_backend_pid()", ()) == [pid]
    await line.close()


async def test_what_cannot_be_sent_or_read_is_told_to_its_own_story_alone() -> None:
    line, told = Line(Lane.ORDINARY), Told()
    await line.ask("SELECT 1", ())
    _begin(line, told, "before", ("SELECT 1", ()))
    _begin(line, told, "no such type", ("SELECT %s", (object(),)))
    _begin(line, told, "no such instant", ("SELECT timestamptz 'infinity'", ()))
    _begin(line, told, "after", ("SELECT 2", ()))
    await _heard(told, 4)

    assert sorted(told, key=lambda one: one[0]) == [
        ("after", [(2,)]),
        ("before", [(1,)]),
        ("no such instant", psycopg.DataError),
        ("no such type", psycopg.ProgrammingError),
    ]
    assert line.is_ready()
    await line.close()
