"""An upload is answered inside the server's protocol exactly as by the ASGI application.

Two real servers stand on this test's loop, uvicorn's own protocol in one, ours in the other; both
are sent the same bytes, each with submissions of its own.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from patients.intake import app
from portal.core.ids import uuid7
from portal.hothttp import HotProtocol
from tests.http_server import serving
from tests.patients.intake.phones import Client, Ward, reading, report, rows, staff_token

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/v1/intake/epro-reports/"
Pieces = list[bytes]


class Counted(HotProtocol):
    """Ours, counting what it served itself."""

    served = 0

    def _serve(self, *arguments: Any) -> None:
        super()._serve(*arguments)
        Counted.served += 1


@pytest.fixture
async def ports(client: Client) -> AsyncIterator[tuple[int, int]]:
    """Return the ports of uvicorn's own protocol and of ours."""
    Counted.served = 0
    async with serving(HttpToolsProtocol) as (_, plain), serving(Counted) as (_, hot):
        yield plain, hot


def request(
    body: Any = b"",
    token: str | None = None,
    *,
    method: str = "POST",
    path: str = PATH,
    version: str = "1.1",
    length: int | None = -1,
    more: tuple[str, ...] = (),
    host: str | None = "localhost",
) -> bytes:
    """Return the bytes of a request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    if not any(line.lower().startswith("content-type") for line in more):
        lines.append("Content-Type: application/json")
    if length is not None:
        lines.append(f"Content-Length: {len(raw) if length < 0 else length}")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1") + raw


async def exchange(port: int, pieces: Pieces, answers: int = 1) -> list[tuple[int, Any, bytes]]:
    """Send pieces, each after a moment, and return the answers; the last one may be the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        return [await answer(reader, pieces[0]) for _ in range(answers)]
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, sent: bytes) -> tuple[int, Any, bytes]:
    """Read one answer: its status, its header lines, its body."""
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        status = int(first.split()[1])
        if status == 100:
            return await answer(reader, sent)
        named = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if sent.startswith(b"HEAD") else int(named.get("content-length", "0"))
        body = await reader.readexactly(length)
        if named.get("connection") == "close":
            assert await reader.read() == b""
    return status, lines, body


_CHANGING = re.compile(
    rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)"
)


def normal(one: tuple[int, Any, bytes]) -> tuple[int, list[str], bytes]:
    """Return an answer without what differs from one request to the next."""
    status, lines, body = one
    kept = [
        _CHANGING.sub(b"*", line.encode()).decode()
        for line in lines
        if not line.lower().startswith(("date:", "retry-after:"))
    ]
    return status, kept, _CHANGING.sub(b"*", body)


def _chunked(body: dict[str, Any], token: str) -> Pieces:
    raw = json.dumps(body).encode()
    head = request(b"", token, length=None, more=("Transfer-Encoding: chunked",))
    return [head + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (9, raw[:9], len(raw) - 9, raw[9:])]


def _slowly(body: dict[str, Any], token: str, *, of: int) -> Pieces:
    whole = request(body, token)
    return [whole[at : at + of] for at in range(0, len(whole), of)]


def _in_two(body: dict[str, Any], token: str) -> Pieces:
    head, end, rest = request(body, token).partition(b"\r\n\r\n")
    return [head + end, rest]


_NEVER = str(uuid7())
# What is sent, and whether it is served in the protocol.
CASES: dict[str, tuple[Callable[[Ward], Pieces], bool]] = {
    "a report": (lambda w: [request(report(w.patient), w.token)], True),
    "a report of somebody else": (lambda w: [request(report(w.other), w.token)], True),
    "a report of nobody": (lambda w: [request(report(_NEVER), w.token)], True),
    "a report of staff": (
        lambda w: [request(report(w.patient), staff_token(w.coordinator))],
        True,
    ),
    "a report with warnings": (
        lambda w: [request(report(w.patient, vitals=[reading(value=900)]), w.token)],
        True,
    ),
    "readings": (
        lambda w: [
            request(
                {"submission_id": str(uuid7()), "patient": str(w.patient.pk),
                 "readings": [reading()]},
                w.token, path="/api/v1/intake/vitals/",
            )
        ],
        True,
    ),
    "a batch": (
        lambda w: [
            request(
                {"reports": [report(w.patient), report(w.other), {"x": 1}]},
                w.token, path="/api/v1/intake/batch/",
            )
        ],
        True,
    ),
    "an empty batch": (
        lambda w: [request({"reports": []}, w.token, path="/api/v1/intake/batch/")],
        True,
    ),
    "no token": (lambda w: [request(report(w.patient))], True),
    "a bad token": (lambda w: [request(report(w.patient), w.token[:-2] + "xx")], True),
    "no JSON": (lambda w: [request(b"{", w.token)], True),
    "an unknown member": (lambda w: [request(report(w.patient, extra=1), w.token)], True),
    "an empty body": (lambda w: [request(b"", w.token)], True),
    "no length": (lambda w: [request(b"", w.token, length=None)], False),
    "a body that is too large": (lambda w: [request(b"", w.token, length=3_000_000)], False),
    "another type": (
        lambda w: [request(b"a=b", w.token, more=("Content-Type: text/plain",))],
        True,
    ),
    "an encoded body": (
        lambda w: [request(report(w.patient), w.token, more=("Content-Encoding: gzip",))],
        True,
    ),
    "an envelope": (
        lambda w: [
            request(
                report(w.patient), w.token,
                more=("Accept: application/vnd.portal.envelope+json",),
            )
        ],
        True,
    ),
    "a form that is not offered": (
        lambda w: [request(report(w.patient), w.token, more=("Accept: text/html",))],
        True,
    ),
    "another language": (
        lambda w: [request(report(w.other), w.token, more=("Accept-Language: zh-Hans",))],
        True,
    ),
    "a request id": (
        lambda w: [request(report(w.patient), w.token, more=(f"X-Request-Id: {_NEVER}",))],
        True,
    ),
    "a header twice": (
        lambda w: [request(report(w.patient), w.token, more=("Accept: */*", "Accept: */*"))],
        False,
    ),
    "an unknown host": (lambda w: [request(report(w.patient), w.token, host="evil.test")], True),
    "no host": (lambda w: [request(report(w.patient), w.token, host=None)], True),
    "a page of another origin": (
        lambda w: [request(report(w.patient), w.token, more=("Origin: https://a.example",))],
        False,
    ),
    "a parameter": (lambda w: [request(report(w.patient), w.token, path=PATH + "?x=1")], False),
    "another address": (lambda w: [request(report(w.patient), w.token, path=PATH[:-1])], False),
    "GET": (lambda w: [request(b"", w.token, method="GET")], False),
    "HEAD": (lambda w: [request(b"", w.token, method="HEAD")], False),
    "OPTIONS": (lambda w: [request(b"", w.token, method="OPTIONS")], False),
    "PUT": (lambda w: [request(report(w.patient), w.token, method="PUT")], False),
    "HTTP/1.0": (lambda w: [request(report(w.patient), w.token, version="1.0")], True),
    "a connection that ends": (
        lambda w: [request(report(w.patient), w.token, more=("Connection: close",))],
        True,
    ),
    "a connection that stays": (
        lambda w: [request(report(w.patient), w.token, more=("Connection: keep-alive",))],
        True,
    ),
    "an upgrade": (
        lambda w: [
            request(report(w.patient), w.token, more=("Connection: Upgrade", "Upgrade: h2c"))
        ],
        False,
    ),
    "an expectation": (
        lambda w: [request(report(w.patient), w.token, more=("Expect: 100-continue",))],
        False,
    ),
    "chunks": (lambda w: _chunked(report(w.patient), w.token), False),
    "head, then body": (lambda w: _in_two(report(w.patient), w.token), False),
    "a slow client": (lambda w: _slowly(report(w.patient), w.token, of=97), False),
    "no HTTP": (lambda w: [b"\x16\x03\x01 what\r\n\r\n"], False),
}  # fmt: skip


async def test_both_ways_give_the_same_answer_to_whatever_is_sent(
    ward: Ward, ports: tuple[int, int]
) -> None:
    for case, (make, is_hot) in CASES.items():
        Counted.served = 0
        (plain,) = await exchange(ports[0], await asyncio.to_thread(in_thread, make, ward))
        (hot,) = await exchange(ports[1], await asyncio.to_thread(in_thread, make, ward))

        assert normal(hot) == normal(plain), case
        assert Counted.served == is_hot, case


def in_thread(make: Callable[[Ward], Pieces], ward: Ward) -> Pieces:
    """Make what is sent where the database may be asked."""
    try:
        return make(ward)
    finally:
        connection.close()


async def test_both_ways_are_silent_and_open_to_origins_alike(
    ward: Ward, client: Client, settings: Any
) -> None:
    settings.CORS_ORIGINS = frozenset({"https://listed.example"})
    async with serving(HttpToolsProtocol) as (_, plain), serving(Counted) as (_, hot):
        for more in ((), ("Origin: https://listed.example",), ("Origin: https://other.example",)):
            told = [
                (await exchange(port, [request(report(ward.patient), ward.token, more=more)]))[0]
                for port in (plain, hot)
            ]
            assert normal(told[0]) == normal(told[1])
            assert "vary: Accept-Language, Authorization, Accept, Origin" in told[1][1]


async def test_requests_sent_at_once_are_answered_in_their_order(
    ward: Ward, ports: tuple[int, int]
) -> None:
    count = 4
    other = request(b"", ward.token, method="GET", path=f"{PATH}{_NEVER}/")
    for port in ports:
        bodies = [report(ward.patient) for _ in range(count)]
        pieces = b"".join(request(body, ward.token) for body in bodies)

        told = await exchange(port, [pieces + other], count + 1)

        assert [one[0] for one in told] == [202] * count + [404]
        assert [json.loads(one[2])["submission_id"] for one in told[:-1]] == [
            body["submission_id"] for body in bodies
        ]


async def test_connection_serves_one_upload_after_another(
    ward: Ward, ports: tuple[int, int]
) -> None:
    body = report(ward.patient)
    reader, writer = await asyncio.open_connection("127.0.0.1", ports[1])
    told = []
    for _ in range(3):
        writer.write(request(body, ward.token))
        told.append(await answer(reader, b"POST"))
    writer.close()

    assert [status for status, _, _ in told] == [202, 202, 202]
    assert ["idempotency-replayed: true" in lines for _, lines, _ in told] == [False, True, True]
    assert Counted.served == 3
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(1,)]


async def test_connection_in_use_stays_and_an_idle_one_is_closed(
    ward: Ward, client: Client
) -> None:
    async with serving(Counted, keep_alive=0.3) as (_, port):
        (idle, idle_writer), (busy, writer) = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(2)
        ]
        for one in (idle_writer, writer):
            one.write(request(report(ward.patient), ward.token))
        told = [await answer(idle, b"POST"), await answer(busy, b"POST")]
        async with asyncio.timeout(30):
            while not idle.at_eof():  # the one that asks goes on for as long as the other is there
                writer.write(request(report(ward.patient), ward.token))
                told.append(await answer(busy, b"POST"))
        assert await idle.read() == b""
        writer.write(request(report(ward.patient), ward.token))
        told.append(await answer(busy, b"POST"))
        assert await busy.read() == b""  # idle now, and closed as well
        for one in (idle_writer, writer):
            one.close()

    assert {status for status, _, _ in told} == {202}


async def test_upload_that_takes_longer_than_an_idle_connection_may_is_answered(
    ward: Ward, client: Client
) -> None:
    async with serving(Counted, keep_alive=0.1) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(report(ward.patient), ward.token))
        first = await answer(reader, b"POST")
        slow = request(report(ward.patient), ward.token)
        writer.write(slow[:-20])
        await asyncio.sleep(0.5)  # longer than an idle connection is kept
        writer.write(slow[-20:])
        second = await answer(reader, b"POST")
        writer.close()

    assert (first[0], second[0]) == (202, 202)


async def test_upload_whose_sender_left_is_kept(ward: Ward, ports: tuple[int, int]) -> None:
    for port in ports:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(report(ward.patient), ward.token))
        await writer.drain()
        writer.transport.abort()
    async with asyncio.timeout(30):
        while await rows("SELECT count(*) FROM patients_eproreport") != [(2,)]:
            await asyncio.sleep(0.02)

    # The servers go on.
    for port in ports:
        (told,) = await exchange(port, [request(report(ward.patient), ward.token)])
        assert told[0] == 202


async def test_both_ways_say_alike_that_the_database_is_away(
    ward: Ward, ports: tuple[int, int], settings: Any
) -> None:
    intake = app.of(asyncio.get_running_loop())
    assert intake is not None
    there = django_settings.DATABASES["default"]["HOST"]
    settings.DATABASES["default"]["HOST"] = "/nonexistent"
    try:
        for lane in intake.lanes.values():
            await lane._line.close()
        told = [
            (await exchange(port, [request(report(ward.patient), ward.token)]))[0] for port in ports
        ]
    finally:
        settings.DATABASES["default"]["HOST"] = there

    assert normal(told[0]) == normal(told[1])
    assert told[1][0] == 503


async def test_account_that_sends_too_often_is_told_alike(
    ward: Ward, ports: tuple[int, int], settings: Any
) -> None:
    settings.INTAKE_REQUESTS_PER_MINUTE = 3
    sent = [request(report(ward.patient), ward.token) for _ in range(8)]
    told = [(await exchange(ports[1], [one]))[0] for one in sent]
    plain = (await exchange(ports[0], [request(report(ward.patient), ward.token)]))[0]

    assert told[-1][0] == 429
    assert normal(told[-1]) == normal(plain)


async def test_end_of_the_server_answers_what_came_and_says_goodbye(
    ward: Ward, client: Client
) -> None:
    intake = app.of(asyncio.get_running_loop())
    assert intake is not None
    async with serving(Counted) as (server, port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        for _, writer in connections:
            writer.write(request(report(ward.patient), ward.token))
        Counted.served = 0
        async with asyncio.timeout(30):
            while Counted.served < 20:
                await asyncio.sleep(0)
        ending = asyncio.ensure_future(server.shutdown())

        told = [await answer(reader, b"POST") for reader, _ in connections]
        await ending

    assert await idle_reader.read() == b""
    for writer in (idle_writer, *(writer for _, writer in connections)):
        writer.close()
    assert {status for status, _, _ in told} == {202}
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(20,)]


async def test_setting_gives_every_upload_to_the_application(
    ward: Ward, client: Client, settings: Any
) -> None:
    settings.HTTP_MODE = "asgi"
    Counted.served = 0
    async with serving(Counted) as (_, port):
        (told,) = await exchange(port, [request(report(ward.patient), ward.token)])

    assert (told[0], Counted.served) == (202, 0)
