"""The socket on the real server: origins, slow readers, the relay's process."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from portal.live.broadcast import Published, broadcast
from portal.live.topics import group
from portal.live.watch import rights_state
from tests.access.world import World
from tests.portal.live.conftest import in_database, store
from tests.portal.live.server import PATIENCE, code_of, enter, hear, running

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def address(world: World) -> AsyncIterator[str]:
    """Where the socket of a web process is."""
    with running() as server:
        yield server.address


async def send_many(group: str, count: int, reader: ClientConnection, key: str | None) -> None:
    """Publish more than the buffers of both kernels hold, as fast as `reader` hears it."""
    rights = await in_database(rights_state)()
    padding = "x" * 5_000
    for first in range(1, count + 1, 100):
        updates = []
        for number in range(first, first + 100):
            data = {"value": number, "min": number, "max": number, "n": 1, "padding": padding}
            text = json.dumps({"type": "update", "sequence": number, "data": data})
            updates.append(Published(group, text, key, number, None))
        await broadcast(updates, rights)
        heard = [(await hear(reader))["sequence"] for _ in updates]
        assert heard == [update.sequence for update in updates]


@pytest.mark.req("W1")
async def test_W01_page_of_another_origin_is_refused_at_the_handshake(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(address, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403


@pytest.mark.req("W4", "F56")
async def test_F056_reader_that_stops_delays_nobody_and_is_closed_or_told_the_sum(
    world: World, address: str
) -> None:
    topic = f"site.{world.sites[0].pk}.vitals"
    async with (
        open_socket(address, compression=None) as large,
        open_socket(address, compression=None) as reader,
        open_socket(address, compression=None, max_queue=1) as slow,
    ):
        await enter(large, world)
        await large.send("x" * 2_000_000)
        assert await code_of(large) == 1009

        await enter(reader, world, topic)
        await enter(slow, world, topic)
        slow.transport.pause_reading()
        await send_many(group(topic), 4_000, reader, "one reading")
        slow.transport.resume_reading()
        told = []
        while sum(one["data"]["n"] for one in told) < 4_000:
            told.append(await hear(slow))
        assert len(told) < 4_000, "nothing was joined: the socket was never behind"
        joined = told[-1]["data"]
        assert (joined["value"], joined["max"]) == (4_000, 4_000)
        assert joined["min"] == 4_000 - joined["n"] + 1

        slow.transport.pause_reading()
        await send_many(group(topic), 5_000, reader, None)
        slow.transport.resume_reading()
        assert await code_of(slow) in (4408, 1006)


async def test_relay_process_tells_what_is_committed(world: World, address: str) -> None:
    relay = subprocess.Popen([sys.executable, "manage.py", "live_relay"])
    try:
        async with open_socket(address, compression=None) as reader:
            await enter(reader, world, f"site.{world.sites[0].pk}.vitals")
            reading = await store(world, value="38.5")
            message = await hear(reader)
            assert message["data"]["reading"] == str(reading.pk)
    finally:
        relay.terminate()
        assert relay.wait(PATIENCE) == 0
