"""Streams of progress: resumed exactly, ended with the right, and cheap to keep open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from psycopg import AsyncConnection

from portal.accounts.models import Session, User
from portal.accounts.services.sessions import revoke_session
from portal.asgi import application
from portal.core import clock
from portal.core.history import acting
from portal.documents.models import Report
from portal.documents.services import running
from portal.documents.services.progress import tell
from portal.documents.services.reports import cancel_report
from portal.documents.streams import streams
from portal.documents.vocabulary import Told
from portal.live.database import in_database
from portal.ops.health import own_connection_parameters
from tests.access.world import World, bearer
from tests.portal.documents.conftest import asked, run_all, told

PATIENCE = 60.0


class Stream:
    """A client of a stream."""

    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self.communicator = communicator
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text, self.is_over = "", False

    async def more(self) -> None:
        """Read one part of the body."""
        message = await self.communicator.receive_output(timeout=PATIENCE)
        self.text += message.get("body", b"").decode()
        self.is_over = not message.get("more_body", False)

    async def until(self, number: int) -> list[tuple[int, str]]:
        """Read until an event of that number came; return what came."""
        while not any(n == number for n, _ in self.events()):
            assert not self.is_over, self.text
            await self.more()
        return self.events()

    async def to_its_end(self) -> list[tuple[int, str]]:
        """Read everything."""
        async with asyncio.timeout(PATIENCE):  # signs of life could go on for ever
            while not self.is_over:
                await self.more()
        return self.events()

    def events(self) -> list[tuple[int, str]]:
        """Return ids and names of the events so far."""
        made = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "id" in fields:
                assert json.loads(fields["data"])["report"]
                made.append((int(fields["id"]), fields["event"]))
        return made


Follow = Callable[..., Awaitable[Stream]]


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    """Open streams; all are closed afterwards."""
    opened: list[ApplicationCommunicator] = []

    async def open_stream(by: User, report: Report, after: str | None = None) -> Stream:
        headers = [
            (b"host", b"localhost"),
            (b"accept", b"text/event-stream"),
            *((k.encode(), v.encode()) for k, v in (await in_database(bearer)(by)).items()),
        ]
        if after is not None:
            headers.append((b"last-event-id", after.encode()))
        path = f"/api/v1/reports/{report.pk}/events/"
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": path,
            "raw_path": path.encode(), "query_string": b"", "headers": headers,
            "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000), "scheme": "http",
        }  # fmt: skip
        communicator = ApplicationCommunicator(application, scope)
        opened.append(communicator)
        await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        stream = Stream(communicator)
        start = await communicator.receive_output(timeout=PATIENCE)
        stream.status = start["status"]
        stream.headers = {k.decode().lower(): v.decode() for k, v in start["headers"]}
        await stream.more()
        return stream

    yield open_stream
    for communicator in opened:
        await communicator.send_input({"type": "http.disconnect"})
        await communicator.wait(timeout=PATIENCE)
    assert not streams().open


def _tell(report: Report, kind: Told, percent: int) -> None:
    with acting(by=report.requested_by, reason="test"):
        held = Report.objects.select_for_update().get(pk=report.pk)
        tell(held, kind, at=clock.now(), percent=percent)


def _begin(report: Report) -> running.Lease:
    taken = running.take_next(at=clock.now())
    assert taken is not None
    return taken[1]


async def test_a_stream_tells_everything_in_order_and_ends(ana: User, follow: Follow) -> None:
    report = await in_database(asked)(ana)
    stream = await follow(ana, report)
    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
    assert "content-length" not in stream.headers
    assert stream.headers["cache-control"] == "no-store"

    await in_database(run_all)()

    assert await stream.to_its_end() == await in_database(told)(report)


async def test_a_stream_that_broke_goes_on_after_what_was_seen(ana: User, follow: Follow) -> None:
    report = await in_database(asked)(ana)
    await in_database(_begin)(report)
    for percent in (10, 20, 30):
        await in_database(_tell)(report, Told.PERCENT, percent)
    first = await follow(ana, report)
    seen = await first.until(4)
    again = await follow(ana, report, after="2")
    assert again.events() == seen[2:]

    await in_database(_tell)(report, Told.PERCENT, 40)

    assert (await again.until(5))[-1] == (5, "percent")
    assert (await first.until(5))[-1] == (5, "percent")


async def test_canceling_from_elsewhere_ends_the_stream(ana: User, follow: Follow) -> None:
    report = await in_database(asked)(ana)
    stream = await follow(ana, report)

    await in_database(cancel_report)(report=report, by=ana, at=clock.now(), reason="")

    assert await stream.to_its_end() == [(1, "canceled")]


async def test_a_stream_ends_when_its_session_does(ana: User, follow: Follow) -> None:
    report = await in_database(asked)(ana)
    stream = await follow(ana, report)

    def revoke() -> None:
        for session in Session.objects.filter(user=ana):
            revoke_session(session=session, by=ana, at=clock.now(), reason="test")

    await in_database(revoke)()

    assert await stream.to_its_end() == []
    assert not await in_database(report.progress.exists)()


async def test_streams_share_one_connection(ana: User, follow: Follow) -> None:
    """Many open streams need no connection each and keep no other request waiting."""
    report = await in_database(asked)(ana)
    opened = [await follow(ana, report) for _ in range(50)]
    async with await AsyncConnection.connect(**own_connection_parameters()) as own:
        cursor = await own.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = user"
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row[0] <= 5

    await in_database(cancel_report)(report=report, by=ana, at=clock.now(), reason="")

    for stream in opened:
        assert await stream.to_its_end() == [(1, "canceled")]


async def test_a_person_who_opens_too_many_loses_the_oldest(
    ana: User, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.documents.streams.MOST_PER_PERSON", 2)
    report = await in_database(asked)(ana)
    oldest, *others = [await follow(ana, report) for _ in range(3)]

    assert await oldest.to_its_end() == []
    assert not any(stream.is_over for stream in others)


def test_what_is_over_and_seen_is_answered_by_no_content(ana: User) -> None:
    """A browser comes back after every end; 204 tells it to stay away."""
    report = asked(ana)
    run_all()
    last = told(report)[-1][0]
    address = f"/api/v1/reports/{report.pk}/events/"

    whole = Client().get(address, headers=bearer(ana))
    assert whole.content.decode().count("\nevent: ") == last
    assert (
        Client().get(address, headers={**bearer(ana), "last-event-id": str(last)}).status_code
        == 204
    )


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9" * 400, "٣"])
def test_an_id_that_is_none_is_refused(ana: User, text: str) -> None:
    report = asked(ana)
    headers: dict[str, Any] = {**bearer(ana), "last-event-id": text.encode().decode("latin-1")}

    answer = Client().get(f"/api/v1/reports/{report.pk}/events/", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "last_event_id_invalid")


def test_somebody_elses_stream_is_not_there(world: World, ana: User) -> None:
    report = asked(ana)

    answer = Client().get(
        f"/api/v1/reports/{report.pk}/events/", headers=bearer(world.people["mo"])
    )

    assert answer.status_code == 404
