"""Publishes one update for each line that comes in: `publisher.py portal|channels PORT GROUP`.

A line is the moment of sending in microseconds; it is answered once the broker has the update.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

# The same reading for all, in the words of contract.md 2.5.
DATA = {
    "reading": "01980000-0000-7000-8000-000000000001", "version": 1, "status": "final",
    "patient": "01980000-0000-7000-8000-000000000002", "subject_number": "000017",
    "code": "heart_rate", "value": 72, "unit": "/min",
    "measured_at": "2026-11-20T07:58:00+08:00", "received_at": "2026-11-19T23:58:01.250Z",
    "late": False, "min": 72, "max": 72, "n": 1, "fresh_for_seconds": 900, "flags": [],
}  # fmt: skip
Publish = Callable[[int], Awaitable[None]]


def portal(group: str) -> Publish:
    """Publish as the relay does, from `broadcast()`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from portal.live.broadcast import Published, broadcast
    from portal.live.topics import group as name_of
    from portal.live.watch import rights_state

    rights, number, name = rights_state(), 0, name_of(group)

    async def publish(stamp: int) -> None:
        nonlocal number
        number += 1
        update = {
            "type": "update", "topic": group, "sequence": number, "kind": "vital_sign",
            "data": DATA, "t": stamp, "sent_at": "2026-11-19T23:58:01.300Z",
        }  # fmt: skip
        text = json.dumps(update, separators=(",", ":"))
        await broadcast([Published(name, text, "one reading", number, number - 1)], rights)

    return publish


def channels(group: str) -> Publish:
    """Publish as the tutorial does."""
    from channels.layers import get_channel_layer
    from channels_peer import GROUP

    layer: Any = get_channel_layer()

    async def publish(stamp: int) -> None:
        await layer.group_send(GROUP, {"type": "vital.update", "data": {**DATA, "t": stamp}})

    return publish


async def serve(publish: Publish, port: int) -> None:
    """Answer every line of every connection, for ever."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await publish(int(line))
            writer.write(b"\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    kind, port, group = sys.argv[1:]
    # What is made asks the database: before the loop runs.
    publish = {"portal": portal, "channels": channels}[kind](group)
    asyncio.run(serve(publish, int(port)))
