"""An upload's application runs without a task until it waits for something else than its wait."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portal.core.waiting import Wait
from portal.hothttp import HotProtocol
from tests.http_server import serving

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
UPLOAD = (
    b"POST /api/v1/intake/epro-reports/ HTTP/1.1\r\nHost: localhost\r\nX-Some: Thing\r\n"
    b"Content-Length: 5\r\nConnection: close\r\n\r\nhello"
)


@pytest.fixture(autouse=True)
def mode(settings: Any) -> None:
    """Give uploads to the application."""
    settings.HTTP_MODE = "asgi"


async def answer(send: Send, said: bytes) -> None:
    length = (b"content-length", b"%d" % len(said))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": said})


async def told(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(UPLOAD)
    async with asyncio.timeout(30):
        said = await reader.read()
    writer.close()
    return said


async def test_scope_and_body_are_those_of_uvicorn() -> None:
    seen: list[tuple[Any, ...]] = []

    async def look(scope: Message, receive: Receive, send: Send) -> None:
        seen.append((dict(scope), await receive()))
        await answer(send, b"ok")

    for protocol in (HttpToolsProtocol, HotProtocol):
        async with serving(protocol, look) as (_, port):
            await told(port)
            seen[-1][0]["client"] = seen[-1][0]["client"][0]
            assert seen[-1][0].pop("server") == ("127.0.0.1", port)

    assert seen[0] == seen[1]


async def test_application_waits_without_a_task_and_goes_on_when_the_wait_ends() -> None:
    wait, tasks = Wait(), []

    async def waits(scope: Message, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        asyncio.get_running_loop().call_soon(wait.end)
        await wait
        tasks.append(asyncio.current_task())
        await answer(send, b"ok")

    async with serving(HotProtocol, waits) as (_, port):
        said = await told(port)

    assert said.endswith(b"ok")
    assert tasks == [None, None]


async def test_application_that_waits_for_anything_else_gets_a_task() -> None:
    tasks = []

    async def sleeps(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            tasks.append(asyncio.current_task())
            wait = Wait()
            asyncio.get_running_loop().call_soon(wait.end)
            await wait
        await answer(send, b"ok")

    async with serving(HotProtocol, sleeps) as (server, port):
        said = await told(port)

    assert said.endswith(b"ok")
    assert tasks[0] is not None and tasks[0].done() and not server.server_state.tasks


async def test_task_that_took_over_is_canceled_like_any_other() -> None:
    waits, seen = asyncio.Event(), []

    async def stays(scope: Message, receive: Receive, send: Send) -> None:
        try:
            waits.set()
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("canceled")
        await answer(send, b"ended")

    async with serving(HotProtocol, stays) as (server, port):
        asked = asyncio.ensure_future(told(port))
        await waits.wait()
        (task,) = server.server_state.tasks
        await asyncio.sleep(0)  # it waits for the future now
        task.cancel()
        assert (await asked).endswith(b"ended")

    assert seen == ["canceled"]


@pytest.mark.parametrize("sent", [0, 1, 2])
async def test_failure_ends_as_with_uvicorn(sent: int) -> None:
    async def fails(scope: Message, receive: Receive, send: Send) -> None:
        length = (b"content-length", b"5")
        head = {"type": "http.response.start", "status": 200, "headers": [length]}
        part = {"type": "http.response.body", "body": b"he", "more_body": True}
        for message in [head, part][:sent] if sent != 1 else [{**head, "headers": []}]:
            await send(message)
        raise RuntimeError

    said = []
    for protocol in (HttpToolsProtocol, HotProtocol):
        async with serving(protocol, fails, dated=False) as (_, port):
            said.append(await told(port))

    assert said[0] == said[1]


async def test_client_that_leaves_is_noticed_and_nothing_is_sent_to_it() -> None:
    wait, began, seen = Wait(), asyncio.Event(), []

    async def goes_on(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        began.set()
        await wait
        await answer(send, b"to nobody")
        seen.append((await receive())["type"])

    async with serving(HotProtocol, goes_on) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPLOAD)
        await began.wait()
        writer.transport.abort()
        async with asyncio.timeout(30):
            while server.server_state.connections:
                await asyncio.sleep(0)
        wait.end()

    assert seen == ["http.disconnect"]


async def test_receiving_again_waits_until_the_client_leaves() -> None:
    began, left = asyncio.Event(), asyncio.Event()

    async def listens(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        began.set()
        assert await receive() == {"type": "http.disconnect"}
        left.set()

    async with serving(HotProtocol, listens) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPLOAD)
        await began.wait()
        writer.transport.abort()
        async with asyncio.timeout(30):
            await left.wait()


async def test_wait_in_a_task_survives_the_task() -> None:
    ended, dropped = Wait(), Wait()
    ended.end()
    await ended
    task = asyncio.ensure_future(_for(dropped))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    dropped.end()  # nobody is there any more

    assert task.cancelled()


async def _for(wait: Wait) -> None:
    await wait
