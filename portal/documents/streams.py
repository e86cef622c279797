"""Open streams of progress, beside Django: no thread and no connection for each of them.

A stream is opened by Django's view, which judges token, scope and language, answers refusals and
sends what has been told so far. What follows is sent from here: one connection of the process
listens and reads for all its streams, and every few seconds all of them are judged again.
"""

import asyncio
import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from portal.accounts.models import Session
from portal.accounts.services.sessions import check_session
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.documents.events import HEARTBEAT, Line, line_of
from portal.documents.selectors import reports_seen_by
from portal.documents.services.progress import CHANNEL
from portal.live.database import in_database
from portal.live.watch import rights_state
from portal.ops.health import own_connection_parameters

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SCOPE_KEY = "portal.documents.stream"
HEARTBEAT_SECONDS = 15.0
POLL_SECONDS = 1.0
# What ends by the clock (a session, an assignment) must end a stream within five seconds.
ROUND_SECONDS = 3.0
RETRY_SECONDS = 1.0
MOST_WAITING = 1000
MOST_PER_PERSON = 50
UPLOADS = "/api/v1/reports/uploads/"
_ADDRESS = re.compile(r"/api/v1/reports/[0-9a-f-]{36}/events/").fullmatch
_NEWS = """SELECT p.report_id, p.number, p.kind, p.attempt, p.percent, p.step, p.done, p.total,
    p.at, r.failure_code
FROM unnest(%s::uuid[], %s::int[]) AS seen (report, number)
JOIN documents_reportprogress p ON p.report_id = seen.report AND p.number > seen.number
JOIN documents_report r ON r.id = p.report_id
ORDER BY p.report_id, p.number"""


@dataclass(eq=False, slots=True)
class Stream:
    """One client that follows a report. The view fills it in when it lets the client in."""

    report: UUID | None = None
    session: UUID | None = None
    person: UUID | None = None
    seen: int = 0
    waiting: "asyncio.Queue[bytes | None]" = field(
        default_factory=lambda: asyncio.Queue(MOST_WAITING)
    )

    @property
    def goes_on(self) -> bool:
        """Whether there is more to come than what the view has sent."""
        return self.report is not None

    def tell(self, line: Line) -> None:
        """Hand on one line that the client has not seen; the last one ends the stream."""
        assert self.report is not None
        if line.number <= self.seen:
            return
        self.seen = line.number
        try:
            self.waiting.put_nowait(line.event(self.report))
        except asyncio.QueueFull:
            # It will come back, and say what it has seen.
            self.end()
            return
        if line.is_last:
            self.end()

    def end(self) -> None:
        """End the stream after what waits; a client that does not read loses what waits."""
        while True:
            try:
                self.waiting.put_nowait(None)
                return
            except asyncio.QueueFull:
                self.waiting.get_nowait()


class Streams:
    """The streams of one event loop."""

    def __init__(self) -> None:
        # In the order in which they came.
        self.open: dict[Stream, None] = {}
        self._watching: asyncio.Task[None] | None = None
        self._judged: tuple[int, int] | None = None
        self._judged_at = 0.0

    async def follow(self, stream: Stream, receive: Receive, send: Send) -> None:
        """Send what is told of the report until its end, or until the client or the right goes."""
        self._enter(stream)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while True:
                part = await _next(stream, gone)
                if part is None:
                    break
                await send({"type": "http.response.body", "body": part, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
            self.open.pop(stream, None)

    def _enter(self, stream: Stream) -> None:
        own = [other for other in self.open if other.person == stream.person]
        for other in own[: max(0, len(own) - MOST_PER_PERSON + 1)]:
            other.end()
        self.open[stream] = None
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while self.open:
            try:
                await self._watch_connected()
            except (psycopg.Error, DatabaseError, InterfaceError, OSError) as error:
                log.warning("report_streams_wait", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch_connected(self) -> None:
        async with await psycopg.AsyncConnection.connect(**own_connection_parameters()) as own:
            await own.execute(f"LISTEN {CHANNEL}")
            while self.open:
                await self._judge()
                await self._pass_on(own)
                async for _notification in own.notifies(timeout=POLL_SECONDS, stop_after=1):
                    pass

    async def _pass_on(self, own: "psycopg.AsyncConnection[Any]") -> None:
        followers: dict[UUID, list[Stream]] = defaultdict(list)
        for stream in self.open:
            if stream.report is not None:
                followers[stream.report].append(stream)
        seen = {report: min(s.seen for s in some) for report, some in followers.items()}
        cursor = await own.execute(_NEWS, [list(seen), list(seen.values())])
        for report, *row in await cursor.fetchall():
            line = line_of(row)
            for stream in followers[report]:
                stream.tell(line)

    async def _judge(self) -> None:
        """End the streams of those who may no longer follow; asked anew whenever rights change."""
        state = await in_database(rights_state)()
        now = time.monotonic()
        if state == self._judged and now - self._judged_at < ROUND_SECONDS:
            return
        held = [(s, s.session, s.report) for s in self.open if s.session and s.report]
        lost = await in_database(_lost)({(session, report) for _, session, report in held})
        for stream, session, report in held:
            if (session, report) in lost:
                stream.end()
        self._judged, self._judged_at = state, now


def _lost(held: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Return those whose session has ended or whose person sees the report no longer."""
    by_session: dict[UUID, set[UUID]] = defaultdict(set)
    for session, report in held:
        by_session[session].add(report)
    found = Session.objects.select_related("user").in_bulk(by_session)
    at = clock.now()
    lost = set()
    for key, reports in by_session.items():
        try:
            user = check_session(found.get(key), at).user
            seen = reports_seen_by(user).filter(pk__in=reports)
            kept = set(seen.values_list("pk", flat=True))
        except NotAuthenticated:
            kept = set()
        lost |= {(key, report) for report in reports - kept}
    return lost


async def _next(stream: Stream, gone: "asyncio.Future[None]") -> bytes | None:
    """Return the next part, a comment when there is none for a while, None at the end."""
    waiting = asyncio.ensure_future(stream.waiting.get())
    both: set[asyncio.Future[Any]] = {waiting, gone}
    try:
        await asyncio.wait(both, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            return None
        return waiting.result() if waiting.done() else HEARTBEAT
    finally:
        waiting.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _bounded(receive: Receive) -> Receive:
    """Read no more of a body than is taken, and one byte by which Django sees that it is more."""
    left = settings.IMPORT_MAX_BYTES + 1

    async def some() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] != "http.request":
            return message
        body = message.get("body", b"")[:left]
        left -= len(body)
        return {**message, "body": body, "more_body": message.get("more_body", False) and left > 0}

    return some


_RUNNING: "WeakKeyDictionary[asyncio.AbstractEventLoop, Streams]" = WeakKeyDictionary()


def streams() -> Streams:
    """Return the streams of the running loop."""
    return _RUNNING.setdefault(asyncio.get_running_loop(), Streams())


def with_streams(django: Application) -> Application:
    """Return the application of everything below reports/: Django's, whose streams stay open."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == UPLOADS:
            await django(scope, _bounded(receive), send)
            return
        if scope["method"] != "GET" or not _ADDRESS(scope["path"]):
            await django(scope, receive, send)
            return
        stream = Stream()

        async def begin(message: Message) -> None:
            if stream.goes_on and message["type"] == "http.response.start":
                headers = [h for h in message["headers"] if h[0].lower() != b"content-length"]
                message = {**message, "headers": headers}
            elif stream.goes_on:
                message = {**message, "more_body": True}
            await send(message)

        await django({**scope, SCOPE_KEY: stream}, receive, begin)
        if stream.goes_on:
            await streams().follow(stream, receive, send)

    return serve
