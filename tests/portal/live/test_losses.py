"""What the broker loses, and what a restart interrupts, costs nothing (F55, F57-F61)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from psycopg import AsyncConnection
from redis import Redis
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from portal.core import clock, failpoints
from portal.live.broadcast import broadcast
from portal.live.hub import hub
from portal.live.models import PendingUpdate
from portal.live.relay import KEPT, Relay
from portal.live.watch import judge_changed
from portal.ops.health import own_connection_parameters
from tests import soaks
from tests.access.world import World, access_token
from tests.portal.live.conftest import Client, Connect, in_database, publish, store
from tests.portal.live.server import PATIENCE, Server, enter, hear, running
from tests.portal.notices.kit import tell_plainly

pytestmark = pytest.mark.django_db(transaction=True)


def site_topic(world: World) -> str:
    return f"site.{world.sites[0].pk}.vitals"


def break_every_subscription() -> None:
    """Cut what the broker sends to hubs: what is published meanwhile goes nowhere."""
    Redis.from_url(settings.REDIS_URL).execute_command("CLIENT", "KILL", "TYPE", "pubsub")


async def listen(client: Client, after: int = 0) -> None:
    await client.say(type="subscribe", topic="notifications", after=after)
    await client.hear_until("subscribed")


async def sequences(client: Client, count: int) -> list[int]:
    return [int((await client.hear_until("update"))["sequence"]) for _ in range(count)]


@pytest.mark.req("F55")
async def test_F055_notices_that_the_broker_dropped_come_by_replay(
    world: World, connect: Connect
) -> None:
    await lose_and_replay(world, connect, notices=25, every=8)


@pytest.mark.soak
@pytest.mark.req("F55")
async def test_F055_a_thousand_losses_lose_no_notice(world: World, connect: Connect) -> None:
    await lose_and_replay(world, connect, notices=soaks.trials(1_000), every=1)


async def lose_and_replay(world: World, connect: Connect, *, notices: int, every: int) -> None:
    """Tell of so many, breaking the broker's connections at each `every`-th; all come, in order."""
    client, heard = await connect(world.people["ines"]), list[int]()
    await listen(client)
    for number in range(1, notices + 1):
        await in_database(tell_plainly)(world.people["ines"], number)
        if number % every == 0:
            break_every_subscription()
        await publish()
        if number % 100 == 0:
            heard += await sequences(client, number - len(heard))
    heard += await sequences(client, notices - len(heard))
    assert heard == list(range(1, notices + 1))
    assert await client.nothing()
    if every == 1:
        soaks.tell(f"{notices} losses: {len(heard)} notices, each once and in order")


@pytest.mark.req("F55")
async def test_F055_wall_whose_last_update_was_dropped_is_told_to_fetch_anew(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    break_every_subscription()
    # Nothing else is ever published: the wall would not find out by a later update.
    assert await client.hear() == {"type": "resync", "topic": site_topic(world)}
    reading = await store(world, value="39.5")
    shown = await client.subscribe(site_topic(world))
    assert reading.pk is not None and 39.5 in {one["value"] for one in shown}


@pytest.mark.req("F57")
async def test_F057_notice_that_nothing_hurried_is_found_in_the_database(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await listen(client)
    await in_database(tell_plainly)(world.people["ines"], 1)
    # No relay runs, and the broker hears of nothing.
    await in_database(PendingUpdate.objects.all().delete)()
    assert await sequences(client, 1) == [1]


@pytest.mark.req("F57")
async def test_F057_what_the_layer_brings_while_it_is_read_anew_comes_once(
    world: World, connect: Connect
) -> None:
    ines = world.people["ines"]
    client = await connect(ines)
    await listen(client)
    for number in (1, 2):
        await in_database(tell_plainly)(ines, number)
    batch = await in_database(Relay()._read)(clock.now())
    assert batch is not None
    await judge_changed(hub())
    # Whoever reads what was missed asks for the session first, and waits here.
    async with (
        await AsyncConnection.connect(**own_connection_parameters()) as other,
        other.transaction(),
    ):
        await other.execute("LOCK TABLE accounts_session IN ACCESS EXCLUSIVE MODE")
        hub().hurry(hub().personal()[0])
        while not await somebody_waits(other):
            await asyncio.sleep(0.02)
        await broadcast(batch.updates, batch.rights)
        assert await sequences(client, 2) == [1, 2]
    await in_database(tell_plainly)(ines, 3)
    await publish()
    assert await sequences(client, 1) == [3]
    assert await client.nothing()


async def somebody_waits(other: AsyncConnection[Any]) -> bool:
    waiting = await other.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted "
        "AND relation = 'accounts_session'::regclass"
    )
    row = await waiting.fetchone()
    return bool(row and row[0])


@pytest.mark.req("F58")
async def test_F058_what_waited_too_long_to_be_told_makes_its_topics_fetch_anew(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    await client.subscribe(site_topic(world))
    await store(world)

    def age() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE live_pendingupdate SET created_at = created_at - %s", [2 * KEPT])

    await in_database(age)()
    await publish()
    assert await client.hear() == {"type": "resync", "topic": site_topic(world)}
    assert await in_database(PendingUpdate.objects.count)() == 0


async def idle_then_heard(world: World, seconds: float) -> None:
    with running() as server:
        async with open_socket(server.address, compression=None) as one:
            await enter(one, world, site_topic(world))
            await asyncio.sleep(seconds)
            await store(world, value="38.75")
            await publish()
            assert (await hear(one))["data"]["value"] == 38.75


@pytest.mark.req("F59")
async def test_F059_idle_socket_stays_open_and_then_hears(world: World) -> None:
    """Longer than the five seconds after which the broker's client would give up by default."""
    await idle_then_heard(world, 7)


@pytest.mark.soak
@pytest.mark.req("F59")
async def test_F059_socket_that_is_idle_for_a_minute_stays_open_and_then_hears(
    world: World,
) -> None:
    await idle_then_heard(world, 60)


@pytest.mark.req("F60")
async def test_F060_fifty_sockets_come_back_after_a_restart_with_few_connections(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storm(world, 50, monkeypatch)


@pytest.mark.soak
@pytest.mark.req("F60")
async def test_F060_five_hundred_sockets_come_back_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storm(world, 500, monkeypatch)


async def storm(world: World, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open sockets, restart the server, open them all at once; every one is live again."""
    people = ("ines", "mo", "mei", "ana")
    tokens = [await in_database(access_token)(world.people[name]) for name in people]
    monkeypatch.setenv("PORTAL_LIVE_SOCKETS_PER_USER", str(count))
    everybody = [tokens[n % len(tokens)] for n in range(count)]
    for person in people:
        await in_database(tell_plainly)(world.people[person], 1)
    server = Server()
    server.start()
    try:
        for _ in range(2):
            async with AsyncExitStack() as stack:
                await asyncio.gather(*(come(stack, server, token) for token in everybody))
                assert await in_database(connections_of_the_web)() <= 8
            server.stop()
            server.start()
    finally:
        server.stop()


async def come(stack: AsyncExitStack, server: Server, token: str) -> None:
    """Connect as a client that has seen nothing, and hear of the one notice."""
    one: ClientConnection = await stack.enter_async_context(
        open_socket(server.address, compression=None, open_timeout=PATIENCE)
    )
    await one.send(json.dumps({"type": "authenticate", "token": token}))
    assert (await hear(one))["type"] == "ready"
    await one.send(json.dumps({"type": "subscribe", "topic": "notifications", "after": 0}))
    said = await hear(one)
    while said["type"] != "update":
        said = await hear(one)
    assert said["sequence"] == 1


def connections_of_the_web() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portal-web' "
            "AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


@pytest.fixture
async def arm() -> AsyncIterator[Callable[[str], None]]:
    """Arm failpoints of this process; none is left."""
    yield failpoints.arm
    failpoints.arm("")


@pytest.mark.req("F61")
async def test_F061_socket_whose_consumer_raises_closes_with_1011_and_leaves_nothing(
    world: World, connect: Connect, arm: Callable[[str], None]
) -> None:
    client, other = await connect(world.people["ines"]), await connect(world.people["mo"])
    await client.subscribe(site_topic(world))
    arm("socket.received=raise")
    await client.say(type="ping")
    assert await client.closed() == 1011
    arm("")
    layer: Any = get_channel_layer()
    while len(hub().sockets) != 1 or layer.groups:
        await asyncio.sleep(0.05)
    await other.subscribe(site_topic(world))
    await store(world)
    await publish(Relay())
    assert (await other.hear())["type"] == "update"
