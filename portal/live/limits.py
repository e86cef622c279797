"""Limits of sockets: how many, and how much they may say."""

import time
from collections import Counter, defaultdict
from typing import Protocol
from uuid import UUID

from django.conf import settings

# What a client may say at once, and in a second for ever.
BURST, MESSAGES_PER_SECOND = 100.0, 20.0


class Ending(Protocol):
    """A socket, as far as limits know it."""

    def end(self, code: int) -> None:
        """Close it."""


class Rate:
    """So much at once, and so much a second for ever."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, burst: float = BURST, per_second: float = MESSAGES_PER_SECOND) -> None:
        self._burst, self._per_second = burst, per_second
        self._left, self._at = burst, time.monotonic()

    def allows(self) -> bool:
        """Whether one more is within the limit."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class SocketCounts:
    """The open sockets of this process, by person and by address."""

    _of_person: "dict[UUID, list[Ending]]" = defaultdict(list)
    _from_address: "Counter[str]" = Counter()

    @classmethod
    def arrive(cls, address: str | None) -> bool:
        """Count one more from an address, unless there are too many."""
        if address is None:
            return True
        if cls._from_address[address] >= settings.LIVE_SOCKETS_PER_ADDRESS:
            return False
        cls._from_address[address] += 1
        return True

    @classmethod
    def part(cls, address: str | None) -> None:
        """Count one less from an address."""
        if address is not None:
            cls._from_address[address] -= 1
            if cls._from_address[address] <= 0:
                del cls._from_address[address]

    @classmethod
    def enter(cls, user: UUID, socket: Ending) -> None:
        """Take a person's socket; the oldest of too many makes room (4409)."""
        sockets = cls._of_person[user]
        sockets.append(socket)
        if len(sockets) > settings.LIVE_SOCKETS_PER_USER:
            sockets.pop(0).end(4409)

    @classmethod
    def leave(cls, user: UUID, socket: Ending) -> None:
        """Forget a person's socket."""
        sockets = cls._of_person.get(user, [])
        if socket in sockets:
            sockets.remove(socket)
        if not sockets:
            cls._of_person.pop(user, None)
