"""Losing a right ends what it covered: nothing stored afterwards is heard (F99, F100, W5)."""

import asyncio
import random
from typing import Any

import pytest

from portal.accounts.models import Session, User
from portal.accounts.services import sessions
from portal.core import clock
from portal.live.hub import hub
from portal.live.relay import Relay
from tests.access.world import World, access_token
from tests.portal.live.conftest import Client, Connect, in_database, publish, store
from trials.models import SiteUserPermission
from trials.services.access import sync_access

pytestmark = pytest.mark.django_db(transaction=True)

FORBIDDEN_VALUE = 41  # of what is stored once the right is gone
TRIAL_SECONDS = 60.0  # a socket that nobody ends fails the test and does not hold up the others


def revoke(person: User) -> None:
    session = Session.objects.filter(user=person, revoked_at=None).latest("created_at")
    sessions.revoke_session(session=session, by=person, at=clock.now(), reason="lost phone")


def take_the_right(person: User) -> None:
    SiteUserPermission.objects.filter(
        user=person, permission__codename="vital_sign:monitor"
    ).delete()


def give_it_back(person: User) -> None:
    sync_access(at=clock.now(), people=[person.pk])


async def heard_after(client: Client) -> tuple[list[float], int | None]:
    """Return the values of all updates until the topic or the socket ends, and the close code."""
    values: list[float] = []
    while True:
        output = await client.communicator.receive_output(timeout=60)
        if output["type"] == "websocket.close":
            return values, int(output["code"])
        if '"code":"forbidden"' in output["text"]:
            return values, None
        if '"type":"update"' in output["text"]:
            values.append(float(output["text"].partition('"value":')[2].partition(",")[0]))


async def trial(world: World, connect: Connect, chance: random.Random) -> None:
    """Lose a right at any moment of subscribing, storing and publishing; look at what was heard."""
    person: User = world.people["ines"]
    lose, code = chance.choice([(revoke, 4401), (take_the_right, None)])
    topic = f"site.{world.sites[0].pk}.vitals"
    token = await in_database(access_token)(person)
    client = await connect(person, token=token)
    relay = Relay()
    if chance.random() < 0.5:
        await client.subscribe(topic)
    else:  # the verdict on the subscription is under way when the right is lost
        await client.say(type="subscribe", topic=topic)
    before = [store(world, value="37.0") for _ in range(chance.randint(0, 2))]
    work: list[Any] = [*before, publish(relay), in_database(lose)(person)]
    chance.shuffle(work)
    await asyncio.gather(*work)
    # The loss is committed: from here on, nothing of what is stored may be heard.
    for _ in range(chance.randint(1, 2)):
        await store(world, value=str(FORBIDDEN_VALUE))
    await publish(relay)
    values, closed = await heard_after(client)
    assert FORBIDDEN_VALUE not in values
    if closed is None and code == 4401:
        # The subscription that was under way is refused first; the end of the session follows.
        closed = await client.closed()
    assert closed == code
    if code is None:
        await in_database(give_it_back)(person)
        await in_database(revoke)(person)
        assert await client.closed() == 4401
    # A server tells the application of the end that it has made; the communicator waits to be told.
    await client.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    while hub().sockets:
        await asyncio.sleep(0.02)


@pytest.mark.req("F99", "F100", "W5")
async def test_F099_F100_W05_nothing_stored_after_the_loss_is_heard_whenever_it_happens(
    world: World, connect: Connect
) -> None:
    chance = random.Random(99)
    for _ in range(8):
        async with asyncio.timeout(TRIAL_SECONDS):
            await trial(world, connect, chance)


@pytest.mark.soak
@pytest.mark.req("F99", "F100", "W5")
async def test_F099_F100_W05_a_thousand_losses(world: World, connect: Connect) -> None:
    chance = random.Random(100)
    for _ in range(1_000):
        async with asyncio.timeout(TRIAL_SECONDS):
            await trial(world, connect, chance)
