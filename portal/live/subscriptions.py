"""Who has which topic: a subscription for each socket and topic, and the sockets of a topic."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.live.broadcast import Published
from portal.live.outlet import Outlet
from portal.live.topics import Topic

if TYPE_CHECKING:
    from portal.live.hub import Socket


@dataclass(eq=False, slots=True)
class Subscription:
    """A topic as one socket has it."""

    socket: "Socket"
    topic: Topic
    # What came before the first answers were said; None from then on.
    held: list[Published] | None = field(default_factory=list)
    # The last number that was sent, where numbers have no gaps.
    position: int | None = None
    is_catching_up: bool = False
    is_wanting: bool = False

    @property
    def is_in_force(self) -> bool:
        """Whether the socket still has it."""
        return self.socket.topics.get(self.topic.name) is self


@dataclass(eq=False, slots=True)
class Waiting:
    """A subscription whose first answers have not been said."""

    subscription: Subscription
    is_answered: bool = False


class TopicSockets:
    """The subscriptions of this process to one topic."""

    __slots__ = ("_last", "_outlets", "_subscriptions")

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._outlets: list[Outlet] | None = None
        self._last: int | None = None

    def add(self, one: Subscription) -> None:
        """Take one that has not begun."""
        self._subscriptions.add(one)

    def begun(self, one: Subscription) -> None:
        """Note that one is told at once from now on."""
        self._outlets = None

    def remove(self, one: Subscription) -> bool:
        """Forget one; return whether it was the last."""
        self._subscriptions.discard(one)
        self._outlets = None
        return not self._subscriptions

    def all(self) -> list[Subscription]:
        """Return every subscription."""
        return list(self._subscriptions)

    def outlets(self) -> list[Outlet]:
        """Return the ways out of those that are told at once, whatever the number."""
        if self._outlets is None:
            self._outlets = [
                one.socket.outlet
                for one in self._subscriptions
                if one.held is None and one.position is None
            ]
        return self._outlets

    def others(self) -> list[Subscription]:
        """Return those for which an update is looked at one by one."""
        if len(self.outlets()) == len(self._subscriptions):
            return []
        return [
            one for one in self._subscriptions if one.held is not None or one.position is not None
        ]

    def gapless(self) -> list[Subscription]:
        """Return those that have begun, of a topic whose numbers have no gaps."""
        return [one for one in self._subscriptions if one.held is None and one.position is not None]

    def misses_something(self, updates: Iterable[Published]) -> bool:
        """Whether the layer lost what was published between these and the ones before."""
        is_lost = False
        for update in updates:
            if update.is_change:
                continue
            if self._last is not None and update.previous not in (None, self._last):
                is_lost = True
            self._last = update.sequence
        return is_lost
