"""A connection of intake that breaks in the middle: somebody is told, and the next one works."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest
import uvloop
from django.conf import settings

from patients.intake.lines import Line
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
            with pytest.raises(psycopg.OperationalError) as broken:
                await line.ask("SELECT length(%s::text)", (LARGE,))
            await line.drop_after(broken.value)
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
    with pytest.raises(psycopg.errors.DivisionByZero) as mistake:
        await line.ask("SELECT 1 / %s::int", (0,))
    await line.drop_after(mistake.value)

    assert await line.ask("SELECT pg_backend_pid()", ()) == [before]
    await line.close()
