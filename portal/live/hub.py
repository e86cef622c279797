"""The hub of a process: one subscription to the channel layer for each topic, however many sockets.

A message of the layer is framed once and handed to every socket of its topic; none of them can
delay another.
"""

import asyncio
import contextlib
from collections import defaultdict
from typing import Any, Protocol
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from portal.live.broadcast import Published
from portal.live.messages import encode
from portal.live.outlet import Outgoing, Outlet
from portal.live.topics import Topic

log = structlog.get_logger(__name__)

CATCH_UP_SECONDS = 0.05
RETRY_SECONDS = 1.0


class Socket(Protocol):
    """What the hub knows of a socket."""

    id: UUID
    outlet: Outlet
    topics: dict[str, Topic]

    def end(self, code: int) -> None:
        """Close it."""


class Hub:
    """The sockets of one event loop, by topic."""

    def __init__(self) -> None:
        self.process = uuid4()
        self.sockets: set[Socket] = set()
        self._by_group: dict[str, set[Socket]] = defaultdict(set)
        self._behind: set[Socket] = set()
        self._last: dict[str, int] = {}
        self._channel: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lock = asyncio.Lock()
        # The state of rights under which every socket was last judged (portal.live.watch).
        self.judged: tuple[int, int] | None = None

    async def enter(self, socket: Socket) -> None:
        """Take a socket that has said who it is."""
        self.sockets.add(socket)
        if not self._tasks:
            from portal.live.watch import watch

            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._receive()),
                loop.create_task(self._attend()),
                loop.create_task(watch(self)),
            ]

    async def leave(self, socket: Socket) -> None:
        """Forget a socket and the topics that only it had."""
        self.sockets.discard(socket)
        self._behind.discard(socket)
        for topic in list(socket.topics.values()):
            await self.unsubscribe(socket, topic)
        if not self.sockets:
            await self._rest()

    async def subscribe(self, socket: Socket, topic: Topic) -> None:
        """Let the updates of `topic` reach a socket from now on.

        Raises: what the channel layer raises when the broker is away; the hub asks again by itself.
        """
        async with self._lock:
            first = not self._by_group[topic.group]
            self._by_group[topic.group].add(socket)
            socket.topics[topic.name] = topic
            if first:
                with contextlib.suppress(RedisError, OSError):
                    await self._join(topic.group)

    async def unsubscribe(self, socket: Socket, topic: Topic) -> None:
        """Let no more updates of `topic` reach a socket."""
        async with self._lock:
            socket.topics.pop(topic.name, None)
            others = self._by_group.get(topic.group)
            if others is None:
                return
            others.discard(socket)
            if not others:
                del self._by_group[topic.group]
                self._last.pop(topic.group, None)
                if self._channel is not None:
                    with contextlib.suppress(RedisError, OSError):
                        await _layer().group_discard(topic.group, self._channel)

    def deliver(self, update: Published) -> None:
        """Hand an update to every socket of its topic.

        When the layer lost the one before it (a broker that was away), the sockets are told to
        fetch the topic anew: what they show may be old.
        """
        sockets = self._by_group.get(update.group)
        if not sockets:
            return
        last = self._last.get(update.group)
        self._last[update.group] = update.sequence
        if last is not None and update.previous is not None and update.previous != last:
            self._resync(sockets, update.group)
        message = Outgoing.of(update.text, update.key)
        for socket in sockets:
            self._put(socket, message)

    def _resync(self, sockets: set[Socket], group: str) -> None:
        for socket in sockets:
            for topic in socket.topics.values():
                if topic.group == group:
                    text = encode({"type": "resync", "topic": topic.name})
                    self._put(socket, Outgoing.of(text))

    def _put(self, socket: Socket, message: Outgoing) -> None:
        socket.outlet.put(message)
        if socket.outlet.is_behind:
            self._behind.add(socket)

    async def _join(self, group: str) -> None:
        layer = _layer()
        if self._channel is None:
            self._channel = await layer.new_channel()
        await layer.group_add(group, self._channel)

    async def _receive(self) -> None:
        """Take what the layer brings, for ever; a broker that is away costs nothing but hurry."""
        while True:
            try:
                if self._channel is None:
                    async with self._lock:
                        for group in list(self._by_group):
                            await self._join(group)
                if self._channel is None:
                    await asyncio.sleep(CATCH_UP_SECONDS)
                    continue
                await self._take(await _layer().receive(self._channel))
            except (RedisError, OSError) as error:
                log.warning("live_layer_away", error=type(error).__name__)
                self._channel = None
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("live_update_not_delivered")

    async def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") != "live.updates":
            return
        state = message["rights"]
        if tuple(state) != self.judged:
            from portal.live.watch import judge_all

            # Rights changed since we last looked: nobody gets this update before we looked again.
            await judge_all(self)
        for update in message["updates"]:
            self.deliver(Published(*update))

    async def _attend(self) -> None:
        """Help the sockets that are behind, and part from those that stay there."""
        while True:
            await asyncio.sleep(CATCH_UP_SECONDS)
            for socket in list(self._behind):
                socket.outlet.catch_up()
                if socket.outlet.is_hopeless:
                    self._behind.discard(socket)
                    socket.end(4408)
                elif not socket.outlet.is_behind:
                    self._behind.discard(socket)

    async def _rest(self) -> None:
        """Stop what only open sockets need."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._channel = None


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def _layer() -> Any:
    return get_channel_layer()
