"""The outermost application: HTTP to Django, no socket that nothing serves."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from portal import asgi

Message = MutableMapping[str, Any]


async def talk(scope: Message, *messages: Message) -> list[Message]:
    """Send the application what a server would; return what it answered."""
    waiting, sent = list(messages), []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # the client stays connected and says nothing more
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await asgi.application(scope, receive, send)
    return sent


async def test_start_and_stop_of_the_server_are_answered() -> None:
    sent = await talk(
        {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )

    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_socket_that_nothing_serves_is_refused() -> None:
    sent = await talk(
        {"type": "websocket", "path": "/ws/other/", "headers": []}, {"type": "websocket.connect"}
    )

    assert sent == [{"type": "websocket.close", "code": 4401}]


async def test_http_goes_to_django() -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }

    started, body = await talk(scope, {"type": "http.request"})

    assert started["status"] == 200
    assert body["body"] == b'{"status": "ok"}'


async def test_what_is_mounted_first_serves_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def intake(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "served", "by": "intake"})

    monkeypatch.setattr(asgi, "MOUNTS", (("http", "/api/v1/intake/", intake), *asgi.MOUNTS))

    sent = await talk({"type": "http", "path": "/api/v1/intake/vitals/"})

    assert sent == [{"type": "served", "by": "intake"}]
