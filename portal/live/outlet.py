"""One socket's way out: ready frames, and what happens when the other side reads slowly.

A dashboard wants the latest values. While its socket is behind, updates of one patient, code and
position are joined into one that keeps minimum, maximum and count; what must not be joined (alerts,
corrections, notices, answers) is kept as it is, and nothing overtakes it. Whoever stays behind too
long is closed with 4408.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from portal.live.frames import FrameWriter, text_frame
from portal.live.messages import encode

BEHIND_BYTES = 256 * 1024  # more than this waiting: the socket is behind
CAUGHT_UP_BYTES = 64 * 1024
MOST_KEPT = 2000  # messages, joined ones counted once
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


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages that go out together: in one write, to every socket that keeps up."""

    messages: Sequence[Outgoing]
    frames: bytes

    @classmethod
    def of(cls, messages: Sequence[Outgoing]) -> "Parcel":
        """Put the frames together."""
        if len(messages) == 1:
            return cls(messages, messages[0].frame)
        return cls(messages, b"".join([message.frame for message in messages]))


@dataclass(slots=True)
class Counts:
    """What went through one socket."""

    messages: int = 0
    octets: int = 0
    joined: int = 0


class Outlet:
    """Writes to one socket without ever waiting for it."""

    __slots__ = (
        "_kept",
        "_queue",
        "_send",
        "_sender",
        "_since",
        "_unjoined",
        "_writer",
        "counts",
        "end",
        "is_shut",
    )

    def __init__(
        self,
        writer: FrameWriter | None,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        end: Callable[[int], None],
    ) -> None:
        self._writer = writer
        self._send = send
        self._sender: asyncio.Task[None] | None = None
        self._queue: deque[str] | None = None
        # What is kept back, in the order in which it goes out; a number names what joins nothing.
        self._kept: OrderedDict[str | int, str] | None = None
        self._unjoined = 0
        self._since: float | None = None
        self.end = end
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
        return too_long or (self._kept is not None and len(self._kept) > MOST_KEPT)

    def put_all(self, parcel: Parcel) -> bool:
        """Send what goes to many sockets; False when this one is behind."""
        if (
            self._since is None
            and self._writer is not None
            and not self.is_shut
            and self._writer.offer(parcel.frames, BEHIND_BYTES)
        ):
            counts = self.counts
            counts.messages += len(parcel.messages)
            counts.octets += len(parcel.frames)
            return True
        for message in parcel.messages:
            self.put(message)
        return self._since is None

    def put(self, message: Outgoing) -> None:
        """Send `message` now, or keep it until the socket has caught up."""
        if self.is_shut:
            return
        if self._since is None:
            if self._write(message):
                return
            self._since = time.monotonic()
        self._keep(message)

    def catch_up(self) -> None:
        """Send what was kept back, once the socket has room again."""
        if self._since is None or self.waiting() > CAUGHT_UP_BYTES:
            return
        kept = self._kept or OrderedDict()
        self._kept, self._since = None, None
        for key, text in kept.items():
            self.put(Outgoing.of(text, key if isinstance(key, str) else None))

    def waiting(self) -> int:
        """Return how many bytes wait to be read by the other side."""
        if self._writer is not None:
            return self._writer.waiting()
        return sum(map(len, self._queue)) if self._queue else 0

    def lag(self) -> int:
        """Return how far behind the other side is, in bytes, with what is kept back for it."""
        return self.waiting() + sum(map(len, (self._kept or {}).values()))

    def shut(self) -> None:
        """Take nothing more: the socket is about to close."""
        self.is_shut = True
        self._kept = self._since = None

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

    def _write(self, message: Outgoing) -> bool:
        if self._writer is not None:
            if not self._writer.offer(message.frame, BEHIND_BYTES):
                return False
        elif self.waiting() >= BEHIND_BYTES:
            return False
        else:
            self._line_up(message.text)
        self.counts.messages += 1
        self.counts.octets += len(message.frame)
        return True

    def _line_up(self, text: str) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(text)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send_queued())

    async def _send_queued(self) -> None:
        while self._queue:
            await self._send({"type": "websocket.send", "text": self._queue[0]})
            if self._queue:
                self._queue.popleft()

    def _keep(self, message: Outgoing) -> None:
        if self._kept is None:
            self._kept = OrderedDict()
        if message.key is None:
            self._unjoined += 1
            self._kept[self._unjoined] = message.text
            return
        # Goes to the end: a correction that came in between is not overtaken by what it corrects.
        earlier = self._kept.pop(message.key, None)
        if earlier is not None:
            self.counts.joined += 1
        self._kept[message.key] = message.text if earlier is None else join(earlier, message.text)


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
