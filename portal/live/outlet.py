"""One socket's way out: ready frames, and what happens when the other side reads slowly.

A dashboard wants the latest values. While its socket is behind, updates of one patient, code and
position are joined into one that keeps minimum, maximum and count; what must not be joined (alerts,
corrections, notices, answers) waits in order. Whoever stays behind too long is closed with 4408.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from portal.live.frames import FrameWriter, text_frame
from portal.live.messages import encode

BEHIND_BYTES = 256 * 1024  # more than this waiting: the socket is behind
CAUGHT_UP_BYTES = 64 * 1024
MOST_WAITING = 1000  # messages that cannot be joined
PATIENCE_SECONDS = 20.0

_NUMBERS = (int, float)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for any number of sockets, encoded once.

    `key` names what it may be joined with while a socket is behind; None: with nothing.
    """

    text: str
    frame: bytes
    key: str | None = None

    @classmethod
    def of(cls, text: str, key: str | None = None) -> "Outgoing":
        """Make the frame of a text."""
        return cls(text, text_frame(text.encode()), key)


@dataclass(slots=True)
class Counts:
    """What went through one socket."""

    messages: int = 0
    octets: int = 0
    joined: int = 0


class Outlet:
    """Writes to one socket without ever waiting for it."""

    __slots__ = (
        "_joined",
        "_plain",
        "_queue",
        "_send",
        "_sender",
        "_since",
        "_writer",
        "counts",
        "is_shut",
    )

    def __init__(
        self, writer: FrameWriter | None, send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self._writer = writer
        self._send = send
        self._sender: asyncio.Task[None] | None = None
        self._queue: deque[str] | None = None
        self._joined: OrderedDict[str, str] | None = None
        self._plain: deque[Outgoing] | None = None
        self._since: float | None = None
        self.counts = Counts()
        self.is_shut = False

    @property
    def is_behind(self) -> bool:
        """Whether something is kept back because the other side reads slowly."""
        return self._since is not None

    @property
    def is_hopeless(self) -> bool:
        """Whether the other side has been behind for too long, or too far."""
        if self._since is None:
            return False
        too_long = time.monotonic() - self._since > PATIENCE_SECONDS
        return too_long or (self._plain is not None and len(self._plain) > MOST_WAITING)

    def put(self, message: Outgoing) -> None:
        """Send `message` now, or keep it until the socket has caught up."""
        if self.is_shut:
            return
        if self._since is None and self.waiting() < BEHIND_BYTES:
            self._write(message)
            return
        if self._since is None:
            self._since = time.monotonic()
        self._keep(message)

    def catch_up(self) -> None:
        """Send what was kept back, once the socket has room again."""
        if self._since is None or self.waiting() > CAUGHT_UP_BYTES:
            return
        plain, joined = self._plain or deque(), self._joined or OrderedDict()
        self._plain, self._joined, self._since = None, None, None
        for message in plain:
            self.put(message)
        for key, text in joined.items():
            self.put(Outgoing.of(text, key))

    def waiting(self) -> int:
        """Return how many bytes wait to be read by the other side."""
        if self._writer is not None:
            return self._writer.waiting()
        return sum(map(len, self._queue)) if self._queue else 0

    def shut(self) -> None:
        """Take nothing more: the socket is about to close."""
        self.is_shut = True
        self._plain = self._joined = self._since = None

    def close(self) -> None:
        """Forget what waits."""
        self.shut()
        if self._sender is not None:
            self._sender.cancel()
        self._queue = None

    def abort(self) -> None:
        """Drop the connection without waiting for the other side."""
        if self._writer is not None:
            self._writer.abort()

    def _write(self, message: Outgoing) -> None:
        self.counts.messages += 1
        self.counts.octets += len(message.frame)
        if self._writer is not None:
            self._writer.write(message.frame)
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(message.text)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send_queued())

    async def _send_queued(self) -> None:
        while self._queue:
            await self._send({"type": "websocket.send", "text": self._queue[0]})
            if self._queue:
                self._queue.popleft()

    def _keep(self, message: Outgoing) -> None:
        if message.key is None:
            if self._plain is None:
                self._plain = deque()
            self._plain.append(message)
            return
        if self._joined is None:
            self._joined = OrderedDict()
        earlier = self._joined.pop(message.key, None)
        if earlier is None:
            self._joined[message.key] = message.text
        else:
            self.counts.joined += 1
            self._joined[message.key] = join(earlier, message.text)


def join(earlier: str, later: str) -> str:
    """Return the later update with the minimum, maximum and count of both."""
    new, old = msgspec.json.decode(later), msgspec.json.decode(earlier)
    data, before = new["data"], old["data"]
    for name, choose in (("min", min), ("max", max)):
        bounds = [d[name] for d in (before, data) if isinstance(d.get(name), _NUMBERS)]
        if bounds:
            data[name] = choose(bounds)
    data["n"] = before.get("n", 1) + data.get("n", 1)
    return encode(new)
