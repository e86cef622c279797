"""Uploads inside uvicorn's HTTP protocol: answered there, or by the application without a task.

A start option of the server (`--http portal.hothttp:HotProtocol`). Only an upload as phones send it
is served here: a POST to one of the three addresses that came whole, alone on its connection, from
no page of another origin. Its answer is made without scope, task and future; PORTAL_HTTP=asgi calls
the application with them, of the task's work only what it needs (portal.driving). Everything else
is uvicorn's and the application's, and so are keep-alive, pipelining, limits and the end of the
server: while an upload is being written it stands where uvicorn's own request would stand. The
functions that check, write and answer are those of the ASGI application (patients.intake), and a
test holds the two against each other (ADR 0011). Written against uvicorn 0.54.
"""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from msgspec import Struct
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import (
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
from portal.driving import NO_EVENT, Driven, NoEvent
from portal.whole import Whole

logger = logging.getLogger(__name__)
_ROUTES = {route.value.encode(): route for route in Route}
# Where one of these is in play, the request is not a phone's simple upload.
_NOT_SIMPLE = frozenset({b"origin", b"transfer-encoding", b"expect", b"upgrade"})

# Of an upload that was read; whatever comes next begins with lists of its own.
_NOTHING: list[Any] = []


class Cycle(Struct):
    """An upload in the place of uvicorn's request cycle: what the protocol asks of one."""

    served: tuple[Visit, Sequence[Job]] | None
    keep_alive: bool
    disconnected: bool = False
    response_complete: bool = False
    message_event: ClassVar[NoEvent] = NO_EVENT


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
        self._is_hot = settings.HTTP_MODE == "hot"
        self._takes_uploads = not (
            self.limit_concurrency is not None or self.root_path or self.config.reset_contextvars
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
        if not self._takes_uploads:
            super().on_message_begin()
            return
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Decide whose request it is."""
        if not self._takes_uploads:
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
        (route, headers), self._upload = self._upload, None
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if not self._is_hot:
            self._drive(route, body)
        elif self._has_served(route, headers, body):
            self.headers = self._parts = _NOTHING
        else:
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

    def _scope(self, route: Route, version: str) -> HTTPScope:
        """Return what uvicorn says of such a request."""
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]  # set when a client connects
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            "method": "POST",
            "path": route.value,
            "raw_path": self.url,
            "query_string": b"",
        }

    def _drive(self, route: Route, body: bytes) -> None:
        """Let the application serve the upload, without a task for as long as it needs none."""
        version = self.parser.get_http_version()
        self.cycle = cycle = Driven(
            self._scope(route, version),
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            NO_EVENT,  # type: ignore[arg-type]  # only ever set; a real one when it is waited for
            False,
            version != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        cycle.whole, cycle.more_body = body, False
        cycle.run(self.app, self.loop, self.tasks)
        self.headers = self._parts = _NOTHING

    def _has_served(self, route: Route, headers: dict[bytes, bytes], body: bytes) -> bool:
        """Serve the upload inside the protocol, if the intake runs and nothing goes wrong."""
        intake = app.of(self.loop)
        if intake is None:
            return False
        try:
            self._serve(intake, route, headers, body)
        except Exception:
            # A mistake of ours. The application makes it again and answers as it always does.
            logger.exception("upload_failed")
            return False
        return True

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
        self._serving = Cycle((visit, jobs), keep_alive=keep_alive)
        self.cycle = self._serving  # type: ignore[assignment]  # all that uvicorn asks of a cycle
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
        assert cycle.served is not None
        # An idle connection keeps its last cycle; what was uploaded goes while it is at hand.
        (visit, jobs), cycle.served = cycle.served, None
        if not (cycle.disconnected or self.transport.is_closing()):
            self._write(reception.answer_to(visit, jobs), keep_alive=cycle.keep_alive)

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
