"""An upload is answered inside the server's protocol exactly as by the ASGI application.

Two real servers stand on this test's loop, uvicorn's own protocol in one, ours in the other; both
are sent the same bytes, each with submissions of its own.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from patients.intake import app
from portal.core.ids import uuid7
from portal.hothttp import Cycle
from tests.http_server import serving
from tests.patients.intake.both_ways import (
    PATH,
    Counted,
    Pieces,
    answer,
    exchange,
    normal,
    request,
)
from tests.patients.intake.phones import Client, Ward, reading, report, staff_token

pytestmark = pytest.mark.django_db(transaction=True)


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
# What is sent, and whether it is served in the protocol, or by the application without a task.
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


@pytest.mark.parametrize("mode", ["hot", "asgi"])
async def test_both_ways_give_the_same_answer_to_whatever_is_sent(
    ward: Ward, ports: tuple[int, int], mode: str, settings: Any
) -> None:
    settings.HTTP_MODE = mode
    for case, (make, is_simple) in CASES.items():
        Counted.served = Counted.driven = 0
        (plain,) = await exchange(ports[0], await asyncio.to_thread(in_thread, make, ward))
        (ours,) = await exchange(ports[1], await asyncio.to_thread(in_thread, make, ward))

        assert normal(ours) == normal(plain), case
        assert Counted.served == (is_simple and mode == "hot"), case
        assert Counted.driven == (is_simple and mode == "asgi"), case


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


@pytest.mark.parametrize("mode", ["hot", "asgi"])
async def test_open_connection_keeps_neither_token_nor_report_once_it_is_answered(
    ward: Ward, client: Client, mode: str, settings: Any
) -> None:
    settings.HTTP_MODE = mode
    async with serving(Counted) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(report(ward.patient, answers={"note": "for you only"}), ward.token))
        (status, *_) = await answer(reader, b"POST")
        (protocol,) = server.server_state.connections
        kept = repr((vars(protocol), attributes(protocol.cycle)))
        writer.close()

    assert status == 202
    assert ward.token not in kept
    assert "for you only" not in kept


def attributes(cycle: Any) -> Any:
    """Return what a request cycle holds, of whichever kind it is."""
    return cycle if isinstance(cycle, Cycle) else vars(cycle)


async def test_setting_gives_every_upload_to_the_application(
    ward: Ward, client: Client, settings: Any
) -> None:
    settings.HTTP_MODE = "asgi"
    Counted.served = Counted.driven = 0
    async with serving(Counted) as (_, port):
        (told,) = await exchange(port, [request(report(ward.patient), ward.token)])

    assert (told[0], Counted.served, Counted.driven) == (202, 0, 1)
