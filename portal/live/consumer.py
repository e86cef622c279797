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
from portal.core.failpoints import failpoint
from portal.core.ids import uuid7
from portal.live import topics
from portal.live.first_answers import answered
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
)
from portal.live.origins import is_allowed_origin
from portal.live.outlet import Outgoing, Outlet
from portal.live.refusals import record_refusal
from portal.live.services.tickets import use_ticket
from portal.live.subscriptions import Subscription
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
    _has_left = True  # until it has come

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve until the end, whichever it is: nothing of a socket outlives it."""
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            # The client cannot mend it; it comes back and reads what it missed.
            log.exception("live_socket_failed")
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.close(1011), ABORT_SECONDS)
        finally:
            await self._leave()

    async def connect(self) -> None:
        """Check where the page comes from, accept, and learn who it is."""
        self.id = uuid7()
        self.opened_at = clock.now()
        self.topics: dict[str, Subscription] = {}
        # Until then nothing ends by the clock alone (portal.live.watch); None: not known yet.
        self.judged_until: datetime | None = None
        self.who: Authenticated | None = None
        self.messages_in = self.errors = 0
        self._rate = Rate()
        self._ending: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.address = _address(self.scope)
        self._counted = self._has_left = False
        if not is_allowed_origin(self.scope):
            raise DenyConnection()
        await self.accept()
        self._counted = SocketCounts.arrive(self.address)
        self.outlet = Outlet(
            self.scope.get("extensions", {}).get(EXTENSION), self.base_send, self.end
        )
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
        failpoint("socket.received")
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
            hub().unsubscribe(self, message.topic)
            self.say({"type": "unsubscribed", "topic": message.topic[:100]})
        elif isinstance(message, Ping):
            self.say({"type": "pong"})
        else:
            self.end(4400)

    async def _leave(self) -> None:
        if self._has_left:
            return
        self._has_left = True
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

    @property
    def person(self) -> UUID:
        """Whose socket it is."""
        assert self.who is not None
        return self.who.user.pk

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
            "lag_bytes": self.outlet.lag(),
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
        hub().enter(self)
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
            self._refuse("unknown_topic", message.topic[:100])
            return
        if len(self.topics) >= MOST_TOPICS and topic.name not in self.topics:
            self._refuse("too_many_topics", topic.name)
            return
        here = hub()
        # Subscribed before anything is read: what is stored meanwhile is kept, and follows.
        subscription = await here.subscribe(self, topic)
        if await answered(here, subscription, message.after):
            return
        here.unsubscribe(self, topic.name)
        await database_sync_to_async(record_refusal)(self.who.user, topic)
        self._refuse("forbidden", topic.name)

    def _refuse(self, code: str, topic: str) -> None:
        self.errors += 1
        self.say({"type": "error", "code": code, "topic": topic})


def _address(scope: WebSocketScope | dict[str, Any]) -> str | None:
    meta: dict[str, Any] = {}
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            meta["HTTP_X_FORWARDED_FOR"] = value.decode("latin-1")
    client = scope.get("client")
    meta["REMOTE_ADDR"] = client[0] if client else None
    return client_address(meta, settings.TRUSTED_PROXIES)
