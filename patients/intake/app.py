"""The ASGI application of the upload path, mounted before Django (portal.asgi)."""

import asyncio
import gc
import time
import weakref
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from rest_framework.exceptions import NotFound

from patients.intake import status
from patients.intake.answers import Answer
from patients.intake.asked import Asked, headers_of, is_secure
from patients.intake.committer import Committer
from patients.intake.configured import configured
from patients.intake.instruments import SQL, Instruments
from patients.intake.jobs import UNAVAILABLE, Job, Outcome
from patients.intake.limits import Pace
from patients.intake.reception import (
    ROUTES,
    Route,
    answer_to,
    enter,
    is_too_large,
    open_jobs,
    refuse_early,
    too_large,
)
from portal.api.errors import MalformedBody
from portal.core import clock
from portal.core.waiting import Wait
from portal.outbox.kinds import Lane

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
# A phone that has not sent its body by then gives its place to others (F67).
BODY_SECONDS = 30.0
# A batch under way is thousands of objects, none of them in a circle: looked at less often.
GARBAGE = (20_000, 20, 20)


class ClientLeft(Exception):
    """The client closed the connection before its body had come."""


class Intake:
    """The upload path of one event loop: its lanes, its marks, its pace."""

    def __init__(self) -> None:
        self.lanes = {lane: Committer(lane) for lane in Lane}
        self.instruments = Instruments()
        self.pace = Pace()

    async def start(self) -> None:
        """Connect and begin; with the database away, uploads are answered 503 until it is back."""
        await self.instruments.look(self._ask_instruments)

    async def close(self) -> None:
        """Write and answer what is queued, then let go of the connections."""
        for lane in self.lanes.values():
            await lane.close()

    def knows(self, jobs: Sequence[Job]) -> bool:
        """Whether the lanes of jobs can be told without asking the database."""
        return not any(job.upload and self.instruments.is_missing(job.upload) for job in jobs)

    async def learn(self, jobs: Sequence[Job]) -> None:
        """Ask for the instruments that jobs name and nobody knows yet."""
        if not self.knows(jobs):
            await self.instruments.look(self._ask_instruments)

    def commit(self, jobs: Sequence[Job]) -> Wait:
        """Queue jobs; return the wait until every one has its outcome."""
        settled = Wait()
        self.submit(jobs, settled.end)
        return settled

    def submit(self, jobs: Sequence[Job], done: Callable[[Job], None]) -> None:
        """Queue jobs; `done` is called once, with the last of them, when all have an outcome."""
        settle = done if len(jobs) == 1 else _when_last(len(jobs), done)
        for job in jobs:
            lane = Lane.ORDINARY
            if job.upload is not None:
                lane = self.instruments.lane_of(job.upload)
                job.upload.forget_answers()
            committer = self.lanes[lane]
            if committer.is_full():
                job.outcome = Outcome(UNAVAILABLE)
                settle(job)
            else:
                job.settle = settle
                committer.submit(job)

    async def ask(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Read by the ordinary lane's connection, between its batches."""
        return await self.lanes[Lane.ORDINARY].ask(sql, parameters)

    async def _ask_instruments(self) -> list[Any]:
        # Without them nobody knows a safety answer: they are read where nothing ordinary waits.
        return await self.lanes[Lane.SAFETY].ask(SQL, ())


def _when_last(left: int, done: Callable[[Job], None]) -> Callable[[Job], None]:
    def settle(job: Job) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done(job)

    return settle


_RUNNING: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Intake]" = (
    weakref.WeakKeyDictionary()
)


async def start() -> None:
    """Open the intake of the running loop, and keep start-up's objects out of garbage rounds."""
    loop = asyncio.get_running_loop()
    if loop not in _RUNNING:
        _RUNNING[loop] = made = Intake()
        await made.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def stop() -> None:
    """Close the intake of the running loop; nothing that was queued is lost."""
    made = _RUNNING.pop(asyncio.get_running_loop(), None)
    if made is not None:
        await made.close()


async def running() -> Intake:
    """Return the intake of the running loop; a server without lifespan gets it here."""
    loop = asyncio.get_running_loop()
    made = _RUNNING.get(loop)
    if made is None:
        _RUNNING[loop] = made = Intake()
        await made.start()
    return made


def of(loop: asyncio.AbstractEventLoop) -> Intake | None:
    """Return the intake of a loop, if it runs."""
    return _RUNNING.get(loop)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request below /api/v1/intake/."""
    intake = of(asyncio.get_running_loop()) or await running()
    asked = _asked(scope)
    route = ROUTES.get(asked.path)
    if route is not None:
        answer = await _take(intake, asked, route, receive)
    else:
        answer = await _tell(intake, asked)
    if answer is not None:
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        body = b"" if asked.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})


async def _take(intake: Intake, asked: Asked, route: Route, receive: Receive) -> Answer | None:
    """Write what a request brings and return its answer, or nothing to nobody."""
    visit = enter(asked, route, intake.pace, clock.now())
    if isinstance(visit, Answer):
        return visit
    try:
        body, failure = await _body(asked, receive)
    except ClientLeft:
        return None
    jobs = open_jobs(visit, body, failure)
    if not intake.knows(jobs):
        await intake.learn(jobs)
    await intake.commit(jobs)
    return answer_to(visit, jobs)


async def _tell(intake: Intake, asked: Asked) -> Answer:
    record = status.record_of(asked.path)
    if record is None:
        return refuse_early(asked, NotFound())
    return await status.tell_status(asked, record, intake.ask)


async def _body(asked: Asked, receive: Receive) -> tuple[bytes | None, Exception | None]:
    """Return the body, or what is wrong with how it came. Raises: ClientLeft."""
    if is_too_large(asked):
        return None, too_large()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        is_whole = len(body) <= configured().largest_body
        return (body, None) if is_whole else (None, too_large())
    if message["type"] != "http.request":
        raise ClientLeft
    parts, size = [message.get("body", b"")], len(message.get("body", b""))
    until = time.monotonic() + BODY_SECONDS
    with suppress(TimeoutError):
        while message.get("more_body"):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                message = await receive()
            if message["type"] != "http.request":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > configured().largest_body:
                return None, too_large()
        return b"".join(parts), None
    return None, MalformedBody("too_slow", "", 408)


def _asked(scope: Scope) -> Asked:
    headers = headers_of(scope["headers"])
    return Asked(
        scope["method"],
        scope["path"],
        scope.get("query_string", b"").decode("latin-1"),
        headers,
        is_secure(scope.get("scheme", ""), headers),
    )
