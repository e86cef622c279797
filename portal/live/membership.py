"""Which topics this process hears of: joined and left beside the sockets, which never wait for it.

A broker that is away is asked again until it is there; whoever subscribed meanwhile is told so.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
CLOSE_SECONDS = 2.0


class Membership:
    """The groups of the channel layer that one hub is in."""

    def __init__(self, late: Callable[[str], None]) -> None:
        self.channel: str | None = None
        self._late = late
        self._wanted: dict[str, asyncio.Event] = {}
        self._joined: set[str] = set()
        self._changed = asyncio.Event()
        self._opened = asyncio.Event()
        self._is_away = False

    def want(self, group: str) -> None:
        """Join a group soon."""
        event = self._wanted.setdefault(group, asyncio.Event())
        if group in self._joined:
            event.set()
        else:
            self._changed.set()

    def drop(self, group: str) -> None:
        """Leave a group soon."""
        self._wanted.pop(group, None)
        self._changed.set()

    async def joined(self, group: str, seconds: float) -> None:
        """Wait until a group was joined, but not for long, and not for a broker that is away."""
        event = self._wanted.get(group)
        if event is not None and not event.is_set() and not self._is_away:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)

    async def opened(self) -> str:
        """Wait for the process's channel and return it."""
        await self._opened.wait()
        assert self.channel is not None
        return self.channel

    async def keep(self) -> None:
        """Join and leave as it is wanted, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._follow()
                self._is_away = False
            except (RedisError, OSError) as error:
                log.warning("live_layer_away", error=type(error).__name__)
                self._is_away = True
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Leave every group; a broker that is away forgets us by itself."""
        layer: Any = get_channel_layer()
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for group in self._joined:
                    await layer.group_discard(group, self.channel)

    async def _follow(self) -> None:
        layer: Any = get_channel_layer()
        if self.channel is None:
            self.channel = await layer.new_channel()
            self._opened.set()
        for group in [group for group in self._wanted if group not in self._joined]:
            await layer.group_add(group, self.channel)
            self._joined.add(group)
            event = self._wanted.get(group)
            if event is not None:
                event.set()
                self._late(group)
        for group in self._joined - self._wanted.keys():
            await layer.group_discard(group, self.channel)
            self._joined.discard(group)
