"""The upload path inside uvicorn's HTTP protocol: no scope, no task and no future a request.

A start option of the server (`--http portal.hothttp:HotProtocol`; PORTAL_HTTP=asgi turns it off
again). Only an upload as phones send it is answered here: a POST to one of the three addresses that
came whole, alone on its connection, from no page of another origin. Everything else is uvicorn's
and the application's, and so are keep-alive, pipelining, limits and the end of the server: while an
upload is being written it stands where uvicorn's own request would stand. The functions that check,
write and answer are those of the ASGI application (patients.intake), and a test holds the two
against each other (ADR 0011). Written against uvicorn 0.54.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast

from django.conf import settings
from msgspec import Struct
from uvicorn._types import ASGI3Application, ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

import portal.asgi  # noqa: F401 - sets Django up before what follows is imported
from patients.intake import app, reception
from patients.intake.answers import Answer
from patients.intake.asked import Asked, is_secure
from patients.intake.configured import configured
from patients.intake.jobs import Job
from patients.intake.reception import Route, Visit
from portal.core import clock

logger = logging.getLogger(__name__)
_ROUTES = {route.value.encode(): route for route in Route}
# Where one of these is in play, the request is not a phone's simple upload.
_NOT_SIMPLE = frozenset({b"origin", b"transfer-encoding", b"expect", b"upgrade"})


class _NoEvent:
    """What uvicorn sets to wake a request's task; there is none."""

    def set(self) -> None:
        pass


class Cycle(Struct):
    """An upload in the place of uvicorn's request cycle: what the protocol asks of one."""

    visit: Visit
    jobs: Sequence[Job]
    keep_alive: bool
    disconnected: bool = False
    response_complete: bool = False
    message_event: ClassVar[_NoEvent] = _NoEvent()


class Whole(RequestResponseCycle):
    """uvicorn's request cycle, which sends an answer that says its length in one piece.

    uvicorn writes head and body one after the other: two calls of the system, and two packets that
    the client wakes up for. It searches every header for forbidden characters, too, and most are
    the same in every answer.
    """

    _head: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Keep the head until the body has come; whatever is not simple is uvicorn's business."""
        if (
            message["type"] == "http.response.start"
            and not self.response_started
            and b"content-length" in _named(message)
        ):
            self._head = message
            return
        head_kept, self._head = self._head, None
        if head_kept is not None:
            if message["type"] == "http.response.body" and self._send_whole(head_kept, message):
                return
            await super().send(head_kept)
        await super().send(message)

    def _send_whole(self, head: HTTPResponseStartEvent, message: ASGISendEvent) -> bool:
        """Write an answer if nothing about it is special; say whether it was."""
        body = cast(bytes, message.get("body", b""))
        status, headers = head["status"], _named(head)
        is_simple = (
            headers[b"content-length"] == b"%d" % len(body)
            and _OF_THE_CONNECTION.isdisjoint(headers)
            and not message.get("more_body")
            and self.scope["method"] != "HEAD"
            and status not in _WITHOUT_BODY
            and not (self.flow.write_paused or self.disconnected or self.access_log)
        )
        if not is_simple:
            return False
        lines = [
            _checked(name, value) if name.lower() == b"set-cookie" else _line(name, value)
            for name, value in (*self.default_headers, *head.get("headers", ()))
        ]
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], *lines, end, body)))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


_WITHOUT_BODY = frozenset({204, 304})
_OF_THE_CONNECTION = frozenset({b"connection", b"transfer-encoding"})


def _named(head: HTTPResponseStartEvent) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in head.get("headers", ())}


def _checked(name: bytes, value: bytes) -> bytes:
    """Return the line of a header, as uvicorn checks and writes it. Raises: RuntimeError."""
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    return b"%s: %s\r\n" % (name.lower(), value)


# Most lines are the same in every answer; a cookie, which is a secret, is never kept.
_line = lru_cache(maxsize=1024)(_checked)


class HotProtocol(HttpToolsProtocol):
    """uvicorn's protocol that answers uploads itself."""

    # Of an upload whose head has come: its address and headers, and its body so far.
    _upload: tuple[Route, dict[bytes, bytes]] | None = None
    _parts: list[bytes]
    # The one upload of this connection that is being written.
    _serving: Cycle
    # When the connection's last answer was written, if nothing has come since.
    _idle_since: float | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Its lines are never written (portal.ops.logs); asking for them costs as much as a check.
        self.access_log = False
        self._is_hot = (
            settings.HTTP_MODE == "hot" and self.limit_concurrency is None and not self.root_path
        )

    def data_received(self, data: bytes) -> None:
        """Feed the parser; an upload that has not come whole becomes an ordinary request."""
        super().data_received(data)
        if self._upload is not None:
            self._hand_over()

    # --- keep-alive: one timer for as long as it runs; uvicorn makes one for every answer ---------

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def on_response_complete(self) -> None:
        """Wait for the next request, or begin with it."""
        is_idle = not self.pipeline
        if self.timeout_keep_alive_task is None or not is_idle:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            if not self.transport.is_closing():
                self.flow.resume_reading()
        self._idle_since = self.loop.time() if is_idle else None

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing has come for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(
                left, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timer."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    # --- callbacks of the parser ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin with the head; the scope is made when somebody needs it."""
        if not self._is_hot:
            super().on_message_begin()
            return
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Decide whose request it is."""
        if not self._is_hot:
            super().on_headers_complete()
            return
        route = _ROUTES.get(self.url)
        headers = self._simple_headers() if route is not None else None
        if route is None or headers is None:
            self._begin()
        else:
            self._upload, self._parts = (route, headers), []

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self._upload is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Serve the upload that has come whole."""
        if self._upload is None:
            super().on_message_complete()
            return
        route, headers = self._upload
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        intake = app.of(self.loop)
        try:
            if intake is not None:
                self._serve(intake, route, headers, body)
                self._upload = None
                return
        except Exception:
            # A mistake of ours. The application makes it again and answers as it always does.
            logger.exception("upload_failed")
        self._hand_over()
        super().on_message_complete()

    # --- an ordinary request ----------------------------------------------------------------------

    def _begin(self) -> None:
        """Let uvicorn begin the request whose head has come."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _hand_over(self) -> None:
        """Let uvicorn go on with an upload, from its beginning."""
        self._upload = None
        if self.transport.is_closing():
            return
        self._begin()
        for part in self._parts:
            super().on_body(part)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.__class__ = Whole
        super()._start_asgi_task(cycle, app)

    # --- an upload --------------------------------------------------------------------------------

    def _simple_headers(self) -> dict[bytes, bytes] | None:
        """Return the headers by name if this is the simple upload that is served here."""
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        is_simple = (
            len(headers) == len(self.headers)
            and _NOT_SIMPLE.isdisjoint(headers)
            and length.isdigit()
            and int(length) <= configured().largest_body
            and self.parser.get_method() == b"POST"
            and not self.transport.is_closing()
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused
        )
        return headers if is_simple else None

    def _serve(
        self, intake: app.Intake, route: Route, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        """Check the upload and queue it; the answer is written when it is on disk."""
        asked = Asked("POST", route.value, "", headers, is_secure(self.scheme or "", headers))
        keep_alive = self.parser.should_keep_alive() and (
            b"connection" not in headers or self.parser.get_http_version() != "1.0"
        )
        visit = reception.enter(asked, route, intake.pace, clock.now())
        if isinstance(visit, Answer):
            self._write(visit, keep_alive=keep_alive)
            return
        jobs = reception.open_jobs(visit, body, None)
        self._serving = self.cycle = Cycle(visit, jobs, keep_alive=keep_alive)  # type: ignore[assignment]
        if intake.knows(jobs):
            intake.submit(jobs, self._answer)
        else:
            task = self.loop.create_task(self._learn(intake, jobs))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _learn(self, intake: app.Intake, jobs: Sequence[Job]) -> None:
        await intake.learn(jobs)
        intake.submit(jobs, self._answer)

    def _answer(self, _: Job) -> None:
        """Answer the upload whose jobs have their outcomes, if anybody still listens."""
        cycle = self._serving
        cycle.response_complete = True
        if not (cycle.disconnected or self.transport.is_closing()):
            self._write(reception.answer_to(cycle.visit, cycle.jobs), keep_alive=cycle.keep_alive)

    def _write(self, answer: Answer, *, keep_alive: bool) -> None:
        lines = [STATUS_LINE[answer.status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(answer.common.lines)
        for name, value in answer.own:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
        lines.append(answer.body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()
