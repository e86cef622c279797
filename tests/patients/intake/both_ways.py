"""Uploads over real connections: to uvicorn's own protocol, and to ours, which counts."""

import asyncio
import json
import re
from typing import Any

from portal.hothttp import HotProtocol

PATH = "/api/v1/intake/epro-reports/"
Pieces = list[bytes]


class Counted(HotProtocol):
    """Ours, counting what it served itself, and what it gave to the application without a task."""

    served = 0
    driven = 0

    def _serve(self, *arguments: Any) -> None:
        super()._serve(*arguments)
        Counted.served += 1

    def _drive(self, *arguments: Any) -> None:
        super()._drive(*arguments)
        Counted.driven += 1


def request(
    body: Any = b"",
    token: str | None = None,
    *,
    method: str = "POST",
    path: str = PATH,
    version: str = "1.1",
    length: int | None = -1,
    more: tuple[str, ...] = (),
    host: str | None = "localhost",
) -> bytes:
    """Return the bytes of a request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    if not any(line.lower().startswith("content-type") for line in more):
        lines.append("Content-Type: application/json")
    if length is not None:
        lines.append(f"Content-Length: {len(raw) if length < 0 else length}")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1") + raw


async def exchange(port: int, pieces: Pieces, answers: int = 1) -> list[tuple[int, Any, bytes]]:
    """Send pieces, each after a moment, and return the answers; the last one may be the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        return [await answer(reader, pieces[0]) for _ in range(answers)]
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, sent: bytes) -> tuple[int, Any, bytes]:
    """Read one answer: its status, its header lines, its body."""
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        status = int(first.split()[1])
        if status == 100:
            return await answer(reader, sent)
        named = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if sent.startswith(b"HEAD") else int(named.get("content-length", "0"))
        body = await reader.readexactly(length)
        if named.get("connection") == "close":
            assert await reader.read() == b""
    return status, lines, body


_CHANGING = re.compile(
    rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)"
)


def normal(one: tuple[int, Any, bytes]) -> tuple[int, list[str], bytes]:
    """Return an answer without what differs from one request to the next."""
    status, lines, body = one
    kept = [
        _CHANGING.sub(b"*", line.encode()).decode()
        for line in lines
        if not line.lower().startswith(("date:", "retry-after:"))
    ]
    return status, kept, _CHANGING.sub(b"*", body)
