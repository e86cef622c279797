"""The live topic: every notice once, in order, whatever happens to the socket (W7, F57)."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.test import Client as Browser

from portal.accounts.models import User
from portal.core import clock
from portal.live.models import PendingUpdate
from portal.notices import topics
from portal.notices.services.acknowledging import acknowledge
from tests.access.world import World, bearer
from tests.portal.live.conftest import Client, Connect, connect, in_database, publish
from tests.portal.notices.kit import make_staffed_world, tell_of_event, tell_plainly

__all__ = ["connect"]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_staffed_world()


@pytest.fixture
async def sofia(world: World) -> AsyncIterator[User]:
    yield world.people["sofia"]


async def listen(client: Client, after: int | None = None) -> dict[str, Any]:
    """Subscribe; return what is said first."""
    await client.say(type="subscribe", topic="notifications", after=after)
    return await client.hear_until("subscribed")


def fetched(person: User) -> list[dict[str, Any]]:
    """Return what GET says, in the order of sequences."""
    answer = Browser().get("/api/v1/notifications/?after=0&limit=500", headers=bearer(person))
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


async def test_a_notice_reaches_an_open_socket_as_GET_shows_it(
    world: World, sofia: User, connect: Connect
) -> None:
    client = await connect(sofia)
    assert (await listen(client))["sequence"] == 0
    await in_database(tell_of_event)(world, sofia)
    await publish()

    update = await client.hear_until("update")
    assert (update["topic"], update["sequence"]) == ("notifications", 1)
    assert update["kind"] == "adverse_event.follow_up"
    assert [update["data"]] == await in_database(fetched)(sofia)


async def test_nobody_hears_the_notices_of_another(
    world: World, sofia: User, connect: Connect
) -> None:
    client = await connect(world.people["mo"])
    await listen(client)
    await in_database(tell_plainly)(sofia, 1)
    await publish()
    assert await client.nothing()


async def test_what_was_missed_comes_in_order(world: World, sofia: User, connect: Connect) -> None:
    for number in range(4):
        await in_database(tell_plainly)(sofia, number)
    client = await connect(sofia)

    assert (await listen(client, after=1))["sequence"] == 4
    assert [(await client.hear())["sequence"] for _ in range(3)] == [2, 3, 4]
    await publish()
    assert await client.nothing()


@pytest.mark.parametrize("after", [9, 0])
async def test_too_far_is_a_resync(
    world: World, sofia: User, connect: Connect, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(topics, "MOST_REPLAYED", 2)
    for number in range(4):
        await in_database(tell_plainly)(sofia, number)
    client = await connect(sofia)
    await listen(client, after=after)
    assert await client.hear() == {"type": "resync", "topic": "notifications"}


async def test_a_relay_that_publishes_again_tells_nobody_twice(
    world: World, sofia: User, connect: Connect
) -> None:
    client = await connect(sofia)
    await listen(client)
    await in_database(tell_plainly)(sofia, 1)
    rows = await in_database(lambda: list(PendingUpdate.objects.values()))()
    await publish()
    assert (await client.hear_until("update"))["sequence"] == 1

    await in_database(
        lambda: PendingUpdate.objects.bulk_create([PendingUpdate(**row) for row in rows])
    )()
    await publish()
    assert await client.nothing()


async def test_what_was_acknowledged_elsewhere_is_told_to_open_screens(
    world: World, sofia: User, connect: Connect
) -> None:
    client = await connect(sofia)
    await listen(client)
    notice = await in_database(tell_plainly)(sofia, 1)
    await publish()
    await client.hear_until("update")

    await in_database(lambda: acknowledge(notice=notice, by=sofia, at=clock.now()))()
    await publish()

    update = await client.hear_until("update")
    assert (update["sequence"], update["data"]["version"]) == (1, 2)
    assert update["data"]["acknowledged_by"] == str(sofia.pk)


async def test_a_notice_that_was_acknowledged_before_it_was_told_comes_once(
    world: World, sofia: User, connect: Connect
) -> None:
    client = await connect(sofia)
    await listen(client)
    notice = await in_database(tell_plainly)(sofia, 1)
    await in_database(lambda: acknowledge(notice=notice, by=sofia, at=clock.now()))()
    await in_database(tell_plainly)(sofia, 2)
    await publish()

    heard = [(await client.hear_until("update"))["sequence"] for _ in range(2)]
    assert heard == [1, 2]
    assert await client.nothing()


async def test_what_reached_a_socket_is_delivered(
    world: World, sofia: User, connect: Connect
) -> None:
    notice = await in_database(tell_plainly)(sofia, 1)
    client = await connect(sofia)
    await listen(client, after=0)
    await client.hear_until("update")

    for _ in range(600):
        await in_database(notice.refresh_from_db)()
        if notice.delivered_at is not None:
            break
        await asyncio.sleep(0.05)
    assert notice.delivered_at is not None


@pytest.mark.parametrize("seed", range(5))
async def test_after_any_disconnects_a_client_has_what_GET_says(
    world: World, sofia: User, connect: Connect, seed: int
) -> None:
    chance = random.Random(seed)
    has: list[dict[str, Any]] = []
    client: Client | None = None
    told = 0
    for _turn in range(12):
        step = chance.random()
        if step < 0.4:
            for _ in range(chance.randint(1, 3)):
                told += 1
                await in_database(tell_plainly)(sofia, told)
        elif step < 0.6:
            await publish()
        elif client is None:
            client = await connect(sofia)
            await client.say(type="subscribe", topic="notifications", after=len(has))
        else:
            has += await _said(client, chance.random() < 0.5)
            client = None
    await publish()
    last = client or await connect(sofia)
    if client is None:
        await last.say(type="subscribe", topic="notifications", after=len(has))
    await last.say(type="ping")
    while len(has) < told:
        message = await last.hear()
        if message["type"] == "update":
            has.append(message["data"])

    assert [row["sequence"] for row in has] == list(range(1, told + 1))
    assert has == await in_database(fetched)(sofia)


async def _said(client: Client, is_patient: bool) -> list[dict[str, Any]]:
    """Read some of what a socket has said, then drop it in the middle of the rest."""
    some = []
    await client.say(type="ping")
    while (message := await client.hear())["type"] != "pong":
        if message["type"] == "update":
            some.append(message["data"])
            if not is_patient:
                break
    return some
