"""What a hostile or broken peer sends to the real server (W4, W7): it ends, memory stays flat."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.client import connect as open_socket

from portal.live.models import LiveConnection
from tests.access.world import World, access_token
from tests.portal.live.conftest import in_database
from tests.portal.live.server import PATIENCE, Server, end_of, enter, hear, running

pytestmark = pytest.mark.django_db(transaction=True)
TEXT, CONTINUATION, BINARY, PING, PONG = 1, 0, 2, 9, 10
# What a process may take for being attacked: its buffers, and no more.
FLAT_KILOBYTES = 60_000


@pytest.fixture
async def server(world: World) -> AsyncIterator[Server]:
    with running() as server:
        yield server


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """Return a client's frame, masked with zeros. Source: RFC 6455 5.2."""
    first, size = opcode | (0x80 if final else 0), len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


class Raw:
    """A socket that says what it likes, frame by frame, and need not answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.ending = asyncio.Event()

    @classmethod
    async def open(cls, server: Server) -> "Raw":
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            "GET /ws/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert answer.startswith(b"HTTP/1.1 101")
        return cls(reader, writer)

    async def authenticate(self, token: str) -> None:
        self.writer.write(frame(TEXT, f'{{"type":"authenticate","token":"{token}"}}'.encode()))
        assert b"ready" in (await self._frame())[1]

    async def _frame(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readexactly(2), PATIENCE)
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", await self.reader.readexactly(2))[0]
        return head[0] & 0x0F, await self.reader.readexactly(size)

    async def code(self) -> int:
        """Read to the end; return the code of the close frame, 1006 when there was none."""
        code = 1006
        try:
            while True:
                opcode, body = await self._frame()
                if opcode == 8:
                    code = struct.unpack("!H", body[:2])[0]
                    self.ending.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            return code
        finally:
            self.ending.set()
            self.writer.close()

    async def say(self, frames: bytes, times: int) -> None:
        """Send the same again and again until it was sent, or nobody takes it any more."""
        try:
            for _ in range(times):
                self.writer.write(frames)
                await asyncio.wait_for(self.writer.drain(), PATIENCE)
        except (ConnectionError, TimeoutError):
            return


ATTACKS: dict[str, tuple[Callable[[], bytes], int, bytes, set[int]]] = {
    # what is sent first, how often what follows, the codes that may end it (1006: reset at once)
    "binary": (lambda: frame(BINARY, b"\x00\x01"), 0, b"", {4400}),
    "two megabytes": (lambda: frame(TEXT, b"x" * 2_000_000), 0, b"", {1009, 1006}),
    "nesting": (lambda: frame(TEXT, b"[" * 60_000), 0, b"", {4400}),
    "ten thousand messages": (
        lambda: b"",
        100,
        frame(TEXT, b'{"type":"ping"}') * 100,
        {4400, 1006},
    ),
    "endless pieces": (
        lambda: frame(TEXT, b'{"type":', final=False),
        200,
        frame(CONTINUATION, b" " * 60, final=False) * 50,
        {1008, 1009, 1006},
    ),
    "endless pieces of nothing": (
        lambda: frame(TEXT, b"", final=False),
        200,
        frame(CONTINUATION, b"", final=False) * 50,
        {1008, 1006},
    ),
    "pings without end": (lambda: b"", 200, frame(PING, b"x" * 100) * 50, {1008, 1006}),
    "pongs without end": (lambda: b"", 200, frame(PONG, b"x" * 100) * 50, {1008, 1006}),
    "not utf-8": (lambda: frame(TEXT, b'{"type":"\xff"}'), 0, b"", {1007}),
    "lone surrogate": (lambda: frame(TEXT, b'{"type":"\\ud800"}'), 0, b"", {4400}),
}


@pytest.mark.req("W4")
async def test_W04_what_a_hostile_peer_sends_ends_its_socket_and_costs_no_memory(
    world: World, server: Server
) -> None:
    token = await in_database(access_token)(world.people["ines"])
    before = server.resident_kilobytes()
    ends = {}
    for name, (first, times, again, _codes) in ATTACKS.items():
        for is_known in (True, False):
            raw = await Raw.open(server)
            if is_known:
                await raw.authenticate(token)
            raw.writer.write(first())
            ends[name, is_known] = asyncio.create_task(raw.code())
            await asyncio.gather(raw.ending.wait(), raw.say(again, times))
    # Each is waited for to say goodbye as well, ten seconds long, before its socket is ended.
    for (name, is_known), end in ends.items():
        # Who has not said who it is, is told so, where it was a message at all.
        codes = ATTACKS[name][3] | (set() if is_known else {4401})
        assert await end in codes, (name, is_known, end.result())
    assert server.resident_kilobytes() - before < FLAT_KILOBYTES
    async with open_socket(server.address, compression=None) as other:
        await enter(other, world)


@pytest.mark.req("W4")
async def test_W04_peer_that_says_nothing_is_closed(server: Server) -> None:
    assert await (await Raw.open(server)).code() == 4401


@pytest.mark.req("W7")
async def test_W07_peer_that_answers_no_heartbeat_is_dropped(world: World) -> None:
    with running(ws_ping_interval="0.5", ws_ping_timeout="0.5") as server:
        token = await in_database(access_token)(world.people["ines"])
        silent = await Raw.open(server)
        await silent.authenticate(token)
        async with open_socket(server.address, compression=None) as lively:
            await enter(lively, world)
            # It reads what comes, and answers no ping: after two heartbeats it is gone.
            assert await silent.code() in (1011, 1006)
            # Who answers stays, however long nothing else is said.
            while await in_database(LiveConnection.objects.count)() != 1:
                await asyncio.sleep(0.1)
            await lively.send('{"type": "ping"}')
            assert (await hear(lively))["type"] == "pong"


async def test_restart_closes_with_1012_and_tells_everybody_another_moment(world: World) -> None:
    with running() as server:
        token = await in_database(access_token)(world.people["ines"])
        sockets = [await open_socket(server.address, compression=None) for _ in range(12)]
        for one in sockets:
            await enter(one, world, token=token)
        server.stop()
        ends = [await end_of(one) for one in sockets]
    assert {code for code, _ in ends} == {1012}
    assert len({reason for _, reason in ends}) > 1
    assert all(reason.startswith('{"retry_after_seconds": ') for _, reason in ends)
