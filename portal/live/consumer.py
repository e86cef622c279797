"""One socket: who it is, what it wants, and how it ends. No rules and no writes."""

import asyncio
import contextlib
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from asgiref.typing import WebSocketScope
from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from portal.accounts.services import sessions
from portal.accounts.services.sessions import Authenticated, UserInactive
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.core.ids import uuid7
from portal.live import topics
from portal.live.frames import EXTENSION
from portal.live.hub import hub
from portal.live.limits import Rate, SocketCounts
from portal.live.messages import (
    Authenticate,
    ClientMessage,
    NotAMessage,
    Ping,
    Subscribe,
    Unsubscribe,
    decode,
    encode,
    update,
)
from portal.live.origins import is_allowed_origin
from portal.live.outlet import Outgoing, Outlet
from portal.live.refusals import record_refusal
from portal.live.services.tickets import use_ticket
from portal.live.topics import Topic
from portal.ops.addresses import client_address

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 25
AUTHENTICATE_SECONDS = 5.0
MOST_TOPICS = 100
ABORT_SECONDS = 2.0


class LiveConsumer(AsyncWebsocketConsumer):
    """A socket at /ws/live/ (contract.md 2)."""

    # No channel of its own: the hub has one for all sockets of the process.
    channel_layer_alias = "none"

    async def connect(self) -> None:
        """Check where the page comes from, accept, and learn who it is."""
        self.id = uuid7()
        self.opened_at = clock.now()
        self.topics: dict[str, Topic] = {}
        self.who: Authenticated | None = None
        self.messages_in = self.errors = 0
        self._rate = Rate()
        self._ending: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.address = _address(self.scope)
        self._counted = False
        if not is_allowed_origin(self.scope):
            raise DenyConnection()
        await self.accept()
        self._counted = SocketCounts.arrive(self.address)
        self.outlet = Outlet(self.scope.get("extensions", {}).get(EXTENSION), self.base_send)
        if not self._counted:
            self.end(1013)
            return
        ticket = parse_qs(self.scope["query_string"].decode("latin-1")).get("ticket")
        if ticket is not None:
            await self._authenticate(lambda: use_ticket(ticket=ticket[0], at=clock.now()))
        else:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(AUTHENTICATE_SECONDS, self.end, 4401)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer one message of the client; anything but the protocol ends the socket."""
        self.messages_in += 1
        if self._ending is not None:
            return
        try:
            if text_data is None or not self._rate.allows():
                raise NotAMessage()
            message = decode(text_data)
        except NotAMessage:
            self.errors += 1
            self.end(4400)
            return
        if self.who is None:
            await self._first(message)
        elif isinstance(message, Subscribe):
            await self._subscribe(message)
        elif isinstance(message, Unsubscribe):
            await self._unsubscribe(message)
        elif isinstance(message, Ping):
            self.say({"type": "pong"})
        else:
            self.end(4400)

    async def disconnect(self, code: int) -> None:
        """Leave the hub; nothing of a socket outlives it."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._counted:
            SocketCounts.part(self.address)
        if self.who is not None:
            SocketCounts.leave(self.who.user.pk, self)
            await hub().leave(self)
        outlet: Outlet | None = getattr(self, "outlet", None)
        if outlet is not None:
            outlet.close()

    @property
    def session(self) -> UUID:
        """The session that the socket lives by."""
        assert self.who is not None
        return self.who.session.pk

    def say(self, message: dict[str, Any]) -> None:
        """Send a message of the server, in order with the updates."""
        self.outlet.put(Outgoing.of(encode(message)))

    def lose(self, topic: Topic) -> None:
        """Tell that a topic has ended because it may no longer be had."""
        self.say({"type": "error", "code": "forbidden", "topic": topic.name})

    def end(self, code: int) -> None:
        """Close the socket; a peer that does not read is dropped."""
        if self._ending is None:
            self.outlet.shut()
            self._ending = asyncio.get_running_loop().create_task(self._end(code))

    async def _end(self, code: int) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.close(code), ABORT_SECONDS)
            return
        self.outlet.abort()

    def told(self) -> dict[str, Any]:
        """Return what an administrator sees of the socket."""
        assert self.who is not None
        counts = self.outlet.counts
        return {
            "id": self.id,
            "user_id": self.who.user.pk,
            "session_id": self.session,
            "address": self.address,
            "opened_at": self.opened_at,
            "topics": sorted(self.topics),
            "messages_in": self.messages_in,
            "messages_out": counts.messages,
            "bytes_out": counts.octets,
            "coalesced": counts.joined,
            "lag_bytes": self.outlet.waiting(),
            "errors": self.errors,
        }

    async def _first(self, message: ClientMessage) -> None:
        if not isinstance(message, Authenticate):
            self.end(4401)
            return
        token = message.token
        await self._authenticate(lambda: sessions.authenticate(token, clock.now()))

    async def _authenticate(self, judge: Any) -> None:
        try:
            who = await database_sync_to_async(judge)()
        except UserInactive:
            self.end(4403)
            return
        except NotAuthenticated:
            self.end(4401)
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self.who = who
        SocketCounts.enter(who.user.pk, self)
        await hub().enter(self)
        self.say(
            {
                "type": "ready",
                "user": who.user.pk,
                "session": who.session.pk,
                "heartbeat_seconds": HEARTBEAT_SECONDS,
                "server_time": clock.now(),
            }
        )

    async def _subscribe(self, message: Subscribe) -> None:
        assert self.who is not None
        topic = topics.find(message.topic, self.who.user.pk)
        if topic is None:
            self.say({"type": "error", "code": "unknown_topic", "topic": message.topic[:100]})
            return
        if len(self.topics) >= MOST_TOPICS and topic.name not in self.topics:
            self.say({"type": "error", "code": "too_many_topics", "topic": topic.name})
            return
        if not await database_sync_to_async(_may)(self.who.session.pk, topic):
            await database_sync_to_async(record_refusal)(self.who.user, topic)
            self.say({"type": "error", "code": "forbidden", "topic": topic.name})
            return
        # Subscribed before the snapshot is read: what is stored meanwhile comes twice, not never.
        await hub().subscribe(self, topic)
        for answer in await database_sync_to_async(_first_answers)(
            self.who.session.pk, topic, message.after, clock.now()
        ):
            self.say(answer)

    async def _unsubscribe(self, message: Unsubscribe) -> None:
        topic = self.topics.get(message.topic)
        if topic is not None:
            await hub().unsubscribe(self, topic)
        self.say({"type": "unsubscribed", "topic": message.topic[:100]})


def _may(session: UUID, topic: Topic) -> bool:
    """Whether the person of a session that still counts may have a topic, as of now."""
    from portal.accounts.models import Session

    found = Session.objects.select_related("user").filter(pk=session).first()
    try:
        user = sessions.check_session(found, clock.now()).user
    except NotAuthenticated:
        return False
    return topic.kind.may(user, topic.record)


def _first_answers(
    session: UUID, topic: Topic, after: int | None, at: datetime
) -> list[dict[str, Any]]:
    """Return what a new subscriber hears first: that it is one, then what it missed or what is."""
    from portal.accounts.models import Session

    user = Session.objects.select_related("user").get(pk=session).user
    kind = topic.kind
    position = kind.position(user) if kind.position else 0
    said: list[dict[str, Any]] = [{"type": "subscribed", "topic": topic.name, "sequence": position}]
    if kind.snapshot is not None:
        data = kind.snapshot(user, topic.record)
        said.append({"type": "snapshot", "topic": topic.name, "data": data})
    elif after is not None:
        missed = kind.replay(user, after) if kind.replay else None
        if missed is None:
            said.append({"type": "resync", "topic": topic.name})
        else:
            said.extend(
                update(topic=topic.name, sequence=number, kind=name, data=data, sent_at=at)
                for number, name, data in missed
            )
    return said


def _address(scope: WebSocketScope | dict[str, Any]) -> str | None:
    meta: dict[str, Any] = {}
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            meta["HTTP_X_FORWARDED_FOR"] = value.decode("latin-1")
    client = scope.get("client")
    meta["REMOTE_ADDR"] = client[0] if client else None
    return client_address(meta, settings.TRUSTED_PROXIES)
