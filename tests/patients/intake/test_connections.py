"""A connection that uploads come by: in order, kept while it is used, and ended with a goodbye."""

import asyncio
import json
from typing import Any

import pytest

from patients.intake import app
from portal.core.ids import uuid7
from tests.http_server import serving
from tests.patients.intake.both_ways import PATH, Counted, answer, exchange, request
from tests.patients.intake.phones import Client, Ward, report, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True, params=["hot", "asgi"])
def mode(request: pytest.FixtureRequest, settings: Any) -> None:
    """Serve uploads inside the protocol, then in the application."""
    settings.HTTP_MODE = request.param


async def test_requests_sent_at_once_are_answered_in_their_order(
    ward: Ward, ports: tuple[int, int]
) -> None:
    count = 4
    other = request(b"", ward.token, method="GET", path=f"{PATH}{uuid7()}/")
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
    assert Counted.served + Counted.driven == 3
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(1,)]


async def test_connection_in_use_stays_and_an_idle_one_is_closed(
    ward: Ward, client: Client
) -> None:
    async with serving(Counted, keep_alive=2) as (_, port):
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
                await asyncio.sleep(0.05)
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
    async with serving(Counted, keep_alive=1) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(report(ward.patient), ward.token))
        first = await answer(reader, b"POST")
        slow = request(report(ward.patient), ward.token)
        writer.write(slow[:-20])
        await asyncio.sleep(2)  # longer than an idle connection is kept
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
        Counted.served = Counted.driven = 0
        async with asyncio.timeout(30):
            while Counted.served + Counted.driven < 20:
                await asyncio.sleep(0)
        ending = asyncio.ensure_future(server.shutdown())

        told = [await answer(reader, b"POST") for reader, _ in connections]
        await ending

    assert await idle_reader.read() == b""
    for writer in (idle_writer, *(writer for _, writer in connections)):
        writer.close()
    assert {status for status, _, _ in told} == {202}
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(20,)]
