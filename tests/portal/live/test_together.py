"""Many who come back to one ward at once: it is read once for all who may see the same of it."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from portal.access.permissions import Permission
from portal.access.scoping import scope
from portal.accounts.models import User
from portal.live.hub import hub
from portal.live.topics import _REGISTRY, Snapshot, TopicKind, offer
from tests.access.world import World, make_person
from tests.portal.live.conftest import PATIENCE, Client, Connect, in_database, publish, store
from tests.portal.live.test_revocations import take_the_right

pytestmark = pytest.mark.django_db(transaction=True)
MONITOR = Permission.VITAL_SIGN_MONITOR


class Ward:
    """A topic that counts how often it is read, and shows for whom."""

    def __init__(self) -> None:
        self.read_for: list[str] = []
        self.meanwhile: User | None = None

    def may(self, user: User, _record: UUID | None) -> bool:
        return not scope(user, MONITOR).is_empty

    def snapshot(self, user: User, _record: UUID | None) -> Snapshot:
        shown = sorted(map(str, scope(user, MONITOR).sites | scope(user, MONITOR).trials))
        self.read_for.append(user.username)
        if self.meanwhile is not None:
            take_the_right(self.meanwhile)
        return Snapshot([{"shown": shown}])


@pytest.fixture
def ward(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    ward = Ward()
    monkeypatch.setitem(_REGISTRY.kinds, "ward", _REGISTRY.kinds["notifications"])
    offer(TopicKind("ward", ward.may, ward.snapshot, MONITOR))
    yield ward


@asynccontextmanager
async def all_waiting(clients: list[Client], topic: str) -> Any:
    """Let clients subscribe and wait; they are answered after the block."""
    async with hub().desk:
        for client in clients:
            await client.say(type="subscribe", topic=topic)
        while sum(map(len, hub().waiting.values())) < len(clients):
            await asyncio.sleep(0.01)
        yield


async def shown(client: Client) -> Any:
    return (await client.hear_until("snapshot"))["data"]


async def test_who_may_see_the_same_is_shown_one_reading(
    world: World, connect: Connect, ward: Ward
) -> None:
    second = await in_database(make_person)(world, "ina", "principal_investigator", world.sites[0])
    clients = [await connect(person) for person in [world.people["ines"]] * 4 + [second] * 4]
    async with all_waiting(clients, "ward"):
        pass
    told = [await shown(client) for client in clients]
    assert ward.read_for == ["ines"]
    assert told == [[{"shown": [str(world.sites[0].pk)]}]] * 8
    async with asyncio.timeout(PATIENCE):
        while hub().waiting:
            await asyncio.sleep(0.01)


async def test_who_may_see_other_things_is_shown_their_own(
    world: World, connect: Connect, ward: Ward
) -> None:
    names = ["ines", "mei", "mo", "mei"]
    clients = [await connect(world.people[name]) for name in names]
    async with all_waiting(clients, "ward"):
        pass
    own = {
        "ines": str(world.sites[0].pk),
        "mei": str(world.sites[1].pk),
        "mo": str(world.trials[0].pk),
    }
    told = [await shown(client) for client in clients]
    assert told == [[{"shown": [own[name]]}] for name in names]
    assert sorted(ward.read_for) == ["ines", "mei", "mo"]


async def test_who_lost_the_right_while_it_was_read_is_shown_nothing(
    world: World, connect: Connect, ward: Ward
) -> None:
    second = await in_database(make_person)(world, "ina", "principal_investigator", world.sites[0])
    ward.meanwhile = second
    clients = [await connect(world.people["ines"]), await connect(second)]
    async with all_waiting(clients, "ward"):
        pass
    assert await shown(clients[0]) == [{"shown": [str(world.sites[0].pk)]}]
    refused = {"type": "error", "code": "forbidden", "topic": "ward"}
    assert await clients[1].hear() == refused


async def test_what_is_stored_while_they_wait_is_missed_by_nobody(
    world: World, connect: Connect
) -> None:
    topic = f"site.{world.sites[0].pk}.vitals"
    clients = [await connect(world.people["ines"]) for _ in range(3)]
    async with all_waiting(clients, topic):
        await store(world, value="39.5")
        await publish()
    for client in clients:
        assert 39.5 in {one["value"] for one in await shown(client)}
        assert (await client.hear())["data"]["value"] == 39.5


async def test_who_left_while_waiting_holds_up_nobody(
    world: World, connect: Connect, ward: Ward
) -> None:
    clients = [await connect(world.people["ines"]) for _ in range(3)]
    async with all_waiting(clients, "ward"):
        leaving = clients[1].communicator
        await leaving.send_input({"type": "websocket.disconnect", "code": 1001})
    assert [await shown(clients[n]) for n in (0, 2)] == [[{"shown": [str(world.sites[0].pk)]}]] * 2
