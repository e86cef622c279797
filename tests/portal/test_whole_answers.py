"""An answer is sent in one piece where that can be, and says what uvicorn would have said."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portal.hothttp import HotProtocol
from tests.http_server import serving

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LENGTH = (b"content-length", b"5")


def head(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(part: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


# What an application sends for each path; an exception is raised in its place.
ANSWERS: dict[str, list[Message | Exception]] = {
    "/simple": [head(LENGTH, (b"X-Upper", b"Case")), body(b"hello")],
    "/created": [head(LENGTH, (b"location", b"/there"), status=201), body(b"hello")],
    "/pieces": [head(LENGTH), body(b"he", more=True), body(b"llo")],
    "/last-piece-empty": [head(LENGTH), body(b"hello", more=True), body(b"")],
    "/empty": [head((b"content-length", b"0")), body(b"")],
    "/nothing": [head(status=204), body(b"")],
    "/not-modified": [head(LENGTH, status=304), body(b"")],
    "/chunked": [head((b"content-type", b"text/plain")), body(b"he", more=True), body(b"llo")],
    "/said-chunked": [head((b"transfer-encoding", b"chunked")), body(b"hello")],
    "/closes": [head(LENGTH, (b"connection", b"close")), body(b"hello")],
    "/closes-loudly": [head(LENGTH, (b"Connection", b"Close")), body(b"hello")],
    "/cookie": [head(LENGTH, (b"set-cookie", b"a=b; HttpOnly")), body(b"hello")],
    "/too-short": [head(LENGTH), body(b"hell")],
    "/too-long": [head(LENGTH), body(b"hello!")],
    "/bad-name": [head(LENGTH, (b"x bad", b"1")), body(b"hello")],
    "/bad-value": [head(LENGTH, (b"x-bad", b"1\r\nx-more: 2")), body(b"hello")],
    "/no-body": [head(LENGTH)],
    "/silent": [],
    "/fails-first": [RuntimeError("first")],
    "/fails-between": [head(LENGTH), body(b"he", more=True), RuntimeError("between")],
    "/fails-last": [head(LENGTH), body(b"hello"), RuntimeError("last")],
}
# uvicorn has sent its head by then; ours can still say that something went wrong.
SAID_BETTER = {"/no-body", "/bad-name", "/bad-value"}


async def application(scope: Message, receive: Receive, send: Send) -> None:
    for message in ANSWERS[scope["path"]]:
        if isinstance(message, Exception):
            raise message
        await send(message)


async def asked(port: int, path: str, method: str, version: str) -> bytes:
    """Ask, and ask again if the connection is still there; return all that was said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    line = f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n"
    writer.write(f"{line}\r\n{line}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(30):
        said = await reader.read()
    writer.close()
    return said


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", sorted(set(ANSWERS) - SAID_BETTER))
async def test_answer_is_what_uvicorn_says(path: str, method: str, version: str) -> None:
    async with (
        serving(HttpToolsProtocol, application, dated=False) as (_, plain),
        serving(HotProtocol, application, dated=False) as (_, ours),
    ):
        told = [await asked(port, path, method, version) for port in (plain, ours)]

    assert told[0] == told[1]


@pytest.mark.parametrize("path", sorted(SAID_BETTER))
async def test_answer_that_never_came_whole_is_an_error_and_no_half_answer(path: str) -> None:
    async with serving(HotProtocol, application, dated=False) as (_, ours):
        told = await asked(ours, path, "GET", "1.1")

    assert re.match(rb"HTTP/1\.1 500 ", told)
    assert b"200" not in told and b"x-more" not in told


async def test_head_of_a_stream_goes_out_before_anything_of_its_body() -> None:
    seen = asyncio.Event()

    async def stream(scope: Message, receive: Receive, send: Send) -> None:
        await send(head((b"content-type", b"text/event-stream")))
        await seen.wait()
        await send(body(b"data: 1\n\n"))

    async with serving(HotProtocol, stream) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(30):
            told = await reader.readuntil(b"\r\n\r\n")
            seen.set()
            rest = await reader.read()
        writer.close()

    assert told.startswith(b"HTTP/1.1 200") and b"data: 1" in rest
