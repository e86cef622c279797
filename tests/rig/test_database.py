"""PostgreSQL goes away in the middle: 503, a resend, and one record."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect as open_socket

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Connection, Reply
from tests.rig.bed import DATABASE, Bed, wait_for
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign, say
from tests.rig.fleet import Fleet, report_body
from tests.rig.proxy import FINE, Proxy, Weather, proxied
from tests.rig.test_kills import send, stored, written_for

SOCKET = ".s.PGSQL.5432"


@contextmanager
def web_behind_proxy(bed: Bed) -> Iterator[Proxy]:
    """Give the proxy through which the web process reaches its database."""
    folder = bed.postgres.sockets / "hole"
    folder.mkdir(mode=0o700, exist_ok=True)
    with proxied(bed.postgres.sockets / SOCKET, folder / SOCKET) as proxy:
        host = quote(str(folder), safe="")
        bed.start_web(
            DATABASE_URL=f"postgres://portal_app@/{DATABASE}?host={host}",
            DATABASE_SAFETY_URL=f"postgres://portal_safety@/{DATABASE}?host={host}",
        )
        yield proxy
        bed.kill("web")


@pytest.mark.req("F26")
async def test_a_commit_whose_reply_is_lost_is_settled_by_the_resend(
    bed: Bed, phones: Phones
) -> None:
    patient, token = phones[4]
    with web_behind_proxy(bed) as proxy:
        warm = await send(bed, token, report_body(patient, uuid7(), clock.now()))
        assert warm.status == 202
        key = uuid7()
        body = report_body(patient, key, clock.now())
        proxy.weather = Weather(cut_before_reply=str(key).encode())
        unknown = await send(bed, token, body)
        assert unknown.status == 503
        assert int(unknown.headers["retry-after"]) > 0
        assert unknown.headers["content-type"] == "application/problem+json"
        proxy.weather = FINE
        settled = await _until_taken(bed, token, body)
        assert settled.headers.get("idempotency-replayed") == "true"
    assert written_for(bed, key) == (1, 1, 1)


async def _until_taken(bed: Bed, token: str, body: bytes):  # type: ignore[no-untyped-def]
    async with asyncio.timeout(60):
        while (reply := await send(bed, token, body)).status == 503:
            await asyncio.sleep(0.05)
    assert reply.status == 202
    return reply


async def half_open(bed: Bed, phones: Phones, staff: str, uploads: int, others: int) -> float:
    """Let packets vanish under uploads and other requests; return how long the slowest took."""
    patient, token = phones[5]
    with web_behind_proxy(bed) as proxy:
        first = await send(bed, token, report_body(patient, uuid7(), clock.now()))
        assert first.status == 202
        assert (await ask(bed, staff, ME)).status == 200
        proxy.weather = Weather(blackhole=True)
        bodies = [report_body(patient, uuid7(), clock.now()) for _ in range(uploads)]
        began = time.monotonic()
        waiting = [send(bed, token, body) for body in bodies]
        waiting += [ask(bed, staff, ME) for _ in range(others)]
        held = asyncio.gather(*waiting)
        # Nobody is used up by waiting: what needs no database is answered meanwhile.
        for _ in range(10):
            assert (await ask(bed, "", "/healthz")).status == 200
        assert not held.done()
        replies = await held
        seconds = time.monotonic() - began
        assert {reply.status for reply in replies} == {503}
        assert all(int(reply.headers["retry-after"]) > 0 for reply in replies)
        proxy.weather = FINE
        proxy.drop_all()
        for body in bodies:
            await _until_taken(bed, token, body)
        assert (await _until_fine(bed, staff)).status == 200
    assert (
        bed.number(
            "SELECT count(*) FROM (SELECT 1 FROM patients_eproreport "
            "GROUP BY patient_id, submission_id HAVING count(*) > 1) AS twice"
        )
        == 0
    )
    return seconds


ME = "/api/v1/auth/me/"


async def ask(bed: Bed, token: str, path: str) -> Reply:
    """Read; raises ConnectionBroken."""
    connection = Connection(bed.url)
    try:
        return await connection.request("GET", path, token=token)
    finally:
        connection.close()


async def _until_fine(bed: Bed, token: str) -> Reply:
    async with asyncio.timeout(60):
        while (reply := await ask(bed, token, ME)).status == 503:
            await asyncio.sleep(0.05)
    return reply


@pytest.mark.req("F25")
async def test_a_database_whose_packets_vanish_is_told_as_such_and_uses_nobody_up(
    bed: Bed, phones: Phones, staff: str
) -> None:
    await half_open(bed, phones, staff, uploads=5, others=3)


@pytest.mark.soak
@pytest.mark.req("F25")
async def test_a_database_whose_packets_vanish_holds_nobody_longer_than_ten_seconds(
    bed: Bed, phones: Phones, staff: str
) -> None:
    seconds = await half_open(bed, phones, staff, uploads=60, others=40)
    say(f"the slowest of 100 requests was told after {seconds:.1f} s")
    assert seconds <= 10


@pytest.mark.req("F22")
async def test_with_no_database_every_request_is_told_when_to_come_again(
    bed: Bed, phones: Phones, staff: str
) -> None:
    patient, token = phones[4]
    await asyncio.to_thread(bed.ensure, "web")
    body = report_body(patient, uuid7(), clock.now())
    await asyncio.to_thread(bed.stop_postgres)
    try:
        replies = [await send(bed, token, body), await ask(bed, staff, ME)]
        ready = await ask(bed, "", "/readyz")
    finally:
        await asyncio.to_thread(bed.start_servers)
    for reply in replies:
        assert reply.status == 503
        assert int(reply.headers["retry-after"]) > 0
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["status"] == 503
        assert b"Traceback" not in reply.body
    assert ready.status == 503
    await _until_taken(bed, token, body)
    assert stored(bed, body_key(body)) == 1


def body_key(body: bytes) -> str:
    return str(json.loads(body)["submission_id"])


async def connections_after(
    bed: Bed, phones: Phones, token: str, requests: int, sockets: int
) -> None:
    """Serve requests of all kinds and sockets at once; then as many connections as before."""
    await asyncio.to_thread(bed.start_web, PORTAL_LIVE_SOCKETS_PER_USER="1000")
    patient, phone = phones[0]
    counted = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name IN ('portal-web', 'portal-intake')"
    )

    async def serve(number: int) -> int:
        if number % 3:
            reply = await ask(bed, token, (ME, "/api/v1/patients/")[number % 3 - 1])
        else:
            reply = await send(bed, phone, report_body(patient, uuid7(), clock.now(), number))
        return reply.status

    async def listen() -> None:
        async with open_socket(f"ws://127.0.0.1:{bed.port}/ws/live/") as live:
            await live.send(json.dumps({"type": "authenticate", "token": token}))
            assert json.loads(await live.recv())["type"] == "ready"
            everybody.append(1)
            await over.wait()

    async def crowd() -> None:
        for start in range(0, requests, 50):
            said = await asyncio.gather(*(serve(start + n) for n in range(min(50, requests))))
            assert set(said) <= {200, 202}
        over.set()

    assert {await serve(number) for number in range(12)} <= {200, 202}
    base = bed.number(counted)
    everybody: list[int] = []
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(sockets):
            group.create_task(listen())
        group.create_task(crowd())
    assert len(everybody) == sockets
    most = 12 + 2  # the pool and the two lanes of intake, whatever there was at first
    await asyncio.to_thread(
        wait_for, lambda: bed.number(counted) <= max(base, most), "no connection was kept"
    )
    # Relay and workers are between two statements of a transaction now and then; a transaction that
    # nobody ends stays open, and the server ends it only after a minute.
    left_open = """
        SELECT count(*) FROM pg_stat_activity
        WHERE state = 'idle in transaction' AND xact_start <= to_timestamp(%s)
    """
    then = bed.number("SELECT ceil(extract(epoch FROM clock_timestamp()))::bigint")
    await asyncio.to_thread(
        wait_for,
        lambda: bed.number(left_open % then) == 0,
        "every transaction ended",
        seconds=20,
    )
    after = bed.number(counted)
    say(f"{requests} requests, {sockets} sockets: {base} connections before, {after} after")


@pytest.mark.req("F39")
async def test_requests_and_sockets_leave_no_connection_behind(
    bed: Bed, phones: Phones, staff: str
) -> None:
    await connections_after(bed, phones, staff, requests=60, sockets=20)


@pytest.mark.soak
@pytest.mark.req("F39")
async def test_five_hundred_requests_and_two_hundred_sockets_leave_no_connection_behind(
    bed: Bed, phones: Phones, staff: str
) -> None:
    await connections_after(bed, phones, staff, requests=500, sockets=200)


@pytest.mark.soak
@pytest.mark.req("F24")
async def test_connections_ended_by_the_server_fifty_times_lose_nothing(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        for _ in range(50):
            await accepted(fleet, 3)
            with bed.superuser() as asked:
                asked.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    await asyncio.to_thread(bed.ensure, *EVERYTHING)
    done = await campaign(bed, phones, tmp_path, trouble, seed=24)
    assert done.judgment.is_clean, done.judgment.text()
