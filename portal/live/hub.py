"""The hub of a process: one subscription to the channel layer for each topic, however many sockets.

What the layer brings is framed once and written to every socket of its topic in one go; none of
them can delay another. Personal topics are numbered without gaps: a number that is missing is read
from the database, so that losing a message costs nothing but hurry.
"""

import asyncio
import contextlib
from typing import Any, Protocol
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError

from portal.live.answers import missed_by, sequences_of
from portal.live.broadcast import Published
from portal.live.membership import Membership
from portal.live.messages import encode
from portal.live.outlet import Outgoing, Outlet, Parcel
from portal.live.subscriptions import Subscription, TopicSockets, Waiting
from portal.live.topics import Topic

log = structlog.get_logger(__name__)

CATCH_UP_SECONDS = 0.05
JOIN_SECONDS = 2.0
RETRY_SECONDS = 1.0


class Socket(Protocol):
    """What the hub knows of a socket."""

    id: UUID
    outlet: Outlet
    topics: dict[str, Subscription]
    judged_until: Any

    @property
    def session(self) -> UUID:
        """The session it lives by."""

    @property
    def person(self) -> UUID:
        """Whose it is."""

    def told(self) -> dict[str, Any]:
        """What an administrator sees of it."""

    def lose(self, topic: Topic) -> None:
        """Hear that a topic has ended."""

    def end(self, code: int) -> None:
        """Close it."""


class Hub:
    """The sockets of one event loop, by topic."""

    def __init__(self) -> None:
        self.process = uuid4()
        self.sockets: set[Socket] = set()
        # The state of rights whose changes every socket was judged by (portal.live.watch).
        self.judged: tuple[int, int] | None = None
        # Held while somebody's rights are read and acted upon: judging all, or one subscription.
        self.verdicts = asyncio.Lock()
        # Subscriptions are checked one after another, so that judging waits for one at most.
        self.desk = asyncio.Lock()
        # Who waits there, by topic (portal.live.first_answers).
        self.waiting: dict[str, list[Waiting]] = {}
        self._topics: dict[str, TopicSockets] = {}
        self._queued: dict[str, list[Published]] = {}
        self._behind: set[Outlet] = set()
        self._is_behind = asyncio.Event()
        self._members = Membership(self._joined_late)
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._reached: dict[Any, list[tuple[UUID, int]]] = {}
        self._is_accounting = False

    def enter(self, socket: Socket) -> None:
        """Take a socket that has said who it is."""
        self.sockets.add(socket)
        if not self._tasks:
            from portal.live.watch import watch

            loop = asyncio.get_running_loop()
            work = (self._members.keep(), self._receive(), self._attend(), watch(self))
            self._tasks = [loop.create_task(one) for one in work]

    async def leave(self, socket: Socket) -> None:
        """Forget a socket and the topics that only it had."""
        self.sockets.discard(socket)
        self._behind.discard(socket.outlet)
        for name in list(socket.topics):
            self.unsubscribe(socket, name)
        if not self.sockets:
            await self._rest()

    async def subscribe(self, socket: Socket, topic: Topic) -> Subscription:
        """Keep the updates of `topic` for a socket from now on, until `begin`."""
        self.unsubscribe(socket, topic.name)
        subscription = Subscription(socket, topic)
        socket.topics[topic.name] = subscription
        self._topics.setdefault(topic.group, TopicSockets()).add(subscription)
        self._members.want(topic.group)
        await self._members.joined(topic.group, JOIN_SECONDS)
        return subscription

    def begin(self, subscription: Subscription, position: int | None) -> None:
        """Send what came since it subscribed, and from now on what comes."""
        held, subscription.held = subscription.held or [], None
        subscription.position = position
        topic = self._topics.get(subscription.topic.group)
        if topic is not None:
            topic.begun(subscription)
        for update in held:
            self._hand(subscription, update, Outgoing.of(update.text, update.key))

    def unsubscribe(self, socket: Socket, name: str) -> None:
        """Let no more updates of a topic reach a socket."""
        subscription = socket.topics.pop(name, None)
        if subscription is None:
            return
        group = subscription.topic.group
        topic = self._topics.get(group)
        if topic is not None and topic.remove(subscription):
            del self._topics[group]
            self._members.drop(group)

    def deliver(self, updates: list[Published]) -> None:
        """Hand updates to the sockets of their topics, all that came together in one write."""
        if not self._queued:
            asyncio.get_running_loop().call_soon(self._flush)
        for update in updates:
            self._queued.setdefault(update.group, []).append(update)

    def refresh(self) -> None:
        """Let every socket look for what the layer may have lost."""
        for topic in self._topics.values():
            self._refresh(topic)

    def personal(self) -> list[Subscription]:
        """Return the subscriptions whose updates are numbered without gaps."""
        return [one for topic in self._topics.values() for one in topic.gapless()]

    def hurry(self, subscription: Subscription) -> None:
        """Read from the database what a subscription has missed."""
        subscription.is_wanting = True
        if not subscription.is_catching_up:
            subscription.is_catching_up = True
            task = asyncio.get_running_loop().create_task(self._catch_up(subscription))
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    def reached(self, one: Subscription, sequences: list[int]) -> None:
        """Let the app of a topic keep account of what was handed to an open socket."""
        note = one.topic.kind.delivered
        if note is None or not sequences:
            return
        self._reached.setdefault(note, []).extend((one.socket.person, each) for each in sequences)
        if not self._is_accounting:
            self._is_accounting = True
            task = asyncio.get_running_loop().create_task(self._account())
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    async def _account(self) -> None:
        try:
            await asyncio.sleep(CATCH_UP_SECONDS)
        finally:
            self._is_accounting = False
            reached, self._reached = self._reached, {}
        for note, some in reached.items():
            try:
                await database_sync_to_async(note)(some)
            except (DatabaseError, InterfaceError) as error:
                log.warning("live_delivery_not_noted", error=type(error).__name__)

    # --- on the way to the sockets ----------------------------------------------------------------

    def _flush(self) -> None:
        queued, self._queued = self._queued, {}
        for group, updates in queued.items():
            topic = self._topics.get(group)
            if topic is None:
                continue
            if topic.misses_something(updates):
                # A broker that was away: what the sockets show may be old.
                self._refresh(topic)
            messages = [Outgoing.of(update.text, update.key) for update in updates]
            parcel = Parcel.of(messages)
            for outlet in topic.outlets():
                if not outlet.put_all(parcel):
                    self._watch_over(outlet)
            for one in topic.others():
                for update, message in zip(updates, messages, strict=True):
                    self._hand(one, update, message)

    def _hand(self, one: Subscription, update: Published, message: Outgoing) -> None:
        if one.held is not None:
            one.held.append(update)
        elif one.position is None:
            self._put(one, message)
        elif update.sequence == one.position + 1:
            one.position = update.sequence
            self._put(one, message)
            self.reached(one, [update.sequence])
        elif update.sequence > one.position:
            self.hurry(one)
        elif update.is_change:
            self._put(one, message)

    def _put(self, one: Subscription, message: Outgoing) -> None:
        outlet = one.socket.outlet
        outlet.put(message)
        if outlet.is_behind:
            self._watch_over(outlet)

    def _watch_over(self, outlet: Outlet) -> None:
        self._behind.add(outlet)
        self._is_behind.set()

    def _joined_late(self, group: str) -> None:
        # Whoever has begun already was answered before the process heard of the topic.
        topic = self._topics.get(group)
        if topic is not None:
            self._refresh(topic)

    def _refresh(self, topic: TopicSockets) -> None:
        for one in topic.all():
            if one.held is not None:
                continue
            if one.position is None:
                text = encode({"type": "resync", "topic": one.topic.name})
                self._put(one, Outgoing.of(text))
            else:
                self.hurry(one)

    async def _catch_up(self, one: Subscription) -> None:
        try:
            while one.is_wanting and one.is_in_force:
                one.is_wanting = False
                assert one.position is not None
                async with self.desk:
                    missed = await database_sync_to_async(missed_by)(
                        one.socket.session, one.topic, one.position
                    )
                if not one.is_in_force:
                    return
                # What the layer brought while the database was read has been sent by now.
                new = [
                    m for m in missed.messages if m.get("sequence", one.position + 1) > one.position
                ]
                for message in new:
                    self._put(one, Outgoing.of(encode(message)))
                self.reached(one, sequences_of(new))
                one.position = max(one.position, missed.position)
                one.is_wanting |= missed.has_more
        except Exception:
            # The next round finds it again.
            log.exception("live_update_not_replayed")
        finally:
            one.is_catching_up = False

    # --- for ever ---------------------------------------------------------------------------------

    async def _receive(self) -> None:
        """Take what the layer brings; a broker that is away costs nothing but hurry."""
        channel = await self._members.opened()
        layer: Any = get_channel_layer()
        while True:
            try:
                message = await layer.receive(channel)
                if message.get("type") == "live.updates":
                    await self._take(message)
            except Exception:
                log.exception("live_update_not_delivered")
                await asyncio.sleep(RETRY_SECONDS)
                self.refresh()

    async def _take(self, message: dict[str, Any]) -> None:
        if tuple(message["rights"]) != self.judged:
            from portal.live.watch import judge_changed

            # Rights changed since we last looked: nobody gets this update before we looked again.
            await judge_changed(self)
        self.deliver([Published(*update) for update in message["updates"]])

    async def _attend(self) -> None:
        """Help the sockets that are behind, and part from those that stay there."""
        while True:
            await self._is_behind.wait()
            await asyncio.sleep(CATCH_UP_SECONDS)
            for outlet in list(self._behind):
                outlet.catch_up()
                if outlet.is_hopeless:
                    self._behind.discard(outlet)
                    outlet.end(4408)
                elif not outlet.is_behind:
                    self._behind.discard(outlet)
            if not self._behind:
                self._is_behind.clear()

    async def _rest(self) -> None:
        """Stop what only open sockets need."""
        tasks, self._tasks = [*self._tasks, *self._errands], []
        members, self._members = self._members, Membership(self._joined_late)
        self.judged = None
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await members.close()


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
