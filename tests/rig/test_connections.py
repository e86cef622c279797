"""Every connection is used, or has ended: who is told to come again, and what is stored."""

import asyncio
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import psycopg
import pytest

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Connection, Reply
from portal.demo.simulation.phone import API
from tests.rig.bed import DATABASE, Bed, wait_for
from tests.rig.campaign import Phones, say
from tests.rig.fleet import report_body
from tests.rig.test_database import ME, ask
from tests.rig.test_kills import send, stored

EVENTS = "adverse-events/"
PATIENTS = "/api/v1/patients/"
PROGRAMS = ("web", "worker", "relay", "watcher")
CLIENTS = 100


async def post(bed: Bed, token: str, path: str, body: dict[str, object]) -> Reply:
    connection = Connection(bed.url)
    try:
        return await connection.request(
            "POST", API + path, token=token, body=json.dumps(body).encode(), seconds=30
        )
    finally:
        connection.close()


def serious(patient: UUID) -> dict[str, object]:
    return {
        "patient": str(patient),
        "term": "collapsed",
        "seriousness": {"life_threatening": "yes"},
        "site_aware_at": clock.now().isoformat(),
    }


def acknowledge(bed: Bed, token: str, notice: str) -> int:
    """Read a notice and acknowledge it as read; return the status."""
    path, signed = f"{API}notifications/{notice}/", {"Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection("127.0.0.1", bed.port, timeout=30)) as connection:
        connection.request("GET", path, headers=signed)
        read = connection.getresponse()
        read.read()
        headers = signed | {"If-Match": read.headers["ETag"], "Content-Type": "application/json"}
        connection.request("POST", f"{path}acknowledge/", '{"comment": "I have it"}', headers)
        return connection.getresponse().status


@contextmanager
def every_connection_used(bed: Bed) -> Iterator[int]:
    """Hold all that the server gives to those for whom it keeps none."""
    held: list[psycopg.Connection] = []
    url = bed.postgres.url("portal_app", DATABASE)
    try:
        with pytest.raises(psycopg.OperationalError, match="reserved"):
            while True:
                held.append(psycopg.connect(url, autocommit=True))
        yield len(held)
    finally:
        for one in held:
            one.close()


async def shed(bed: Bed, token: str, path: str = PATIENTS) -> None:
    """Let a hundred clients ask at once: each is told when to come again."""
    replies = await asyncio.gather(*(ask(bed, token, path) for _ in range(CLIENTS)))
    assert Counter(reply.status for reply in replies) == {503: CLIENTS}
    for reply in replies:
        assert int(reply.headers["retry-after"]) > 0
        assert reply.headers["content-type"] == "application/problem+json"


async def served(bed: Bed, token: str) -> None:
    async with asyncio.timeout(60):
        while (await ask(bed, token, PATIENTS)).status != 200:
            await asyncio.sleep(0.05)


def notices_about(bed: Bed, event: str, person: str) -> list[str]:
    with bed.superuser() as asked:
        rows = asked.execute(
            "SELECT id FROM notices_notice WHERE record_id = %s AND person_id = %s",
            [event, person],
        )
        return [str(row[0]) for row in rows]


@pytest.mark.req("F31")
async def test_with_every_connection_used_a_serious_event_is_stored_told_and_acknowledged(
    bed: Bed, phones: Phones, staff: str, cra: tuple[str, str]
) -> None:
    patient, token = phones[0]
    person, cra_token = cra
    for name in PROGRAMS:
        if name in bed.programs:
            bed.kill(name)
    with every_connection_used(bed) as used:
        # Everything is started in the midst of it: no program lives on what it had before.
        await asyncio.to_thread(bed.ensure, *PROGRAMS)
        shedding = asyncio.create_task(_until_cancelled(shed, bed, staff))
        ordinary = report_body(patient, uuid7(), clock.now())
        assert (await send(bed, token, ordinary)).status == 503
        key = uuid7()
        urgent = report_body(patient, key, clock.now())
        urgent = urgent.replace(b'"self_harm": false', b'"self_harm": true')
        assert (await send(bed, token, urgent)).status == 202
        events, seconds = [], []
        for _ in range(10):
            began = asyncio.get_running_loop().time()
            reply = await post(bed, staff, EVENTS, serious(patient))
            seconds.append(asyncio.get_running_loop().time() - began)
            assert reply.status == 201
            events.append(reply.json()["id"])
        await asyncio.to_thread(
            wait_for, lambda: all(notices_about(bed, one, person) for one in events), "told"
        )
        (notice,) = notices_about(bed, events[0], person)
        assert await asyncio.to_thread(acknowledge, bed, cra_token, notice) == 200
        await asyncio.to_thread(wait_for, lambda: is_ready(bed), "the watcher and the rest go on")
        assert not shedding.done()
        shedding.cancel()
        await asyncio.gather(shedding, return_exceptions=True)
        say(
            f"{used} connections held, {CLIENTS} clients shed; 0 refused in {len(events)} serious "
            f"events, slowest {max(seconds):.2f} s"
        )
    await served(bed, staff)
    assert (await send(bed, token, ordinary)).status == 202
    assert stored(bed, key) == 1


async def _until_cancelled(work, *arguments) -> None:  # type: ignore[no-untyped-def]
    while True:
        await work(*arguments)


def is_ready(bed: Bed) -> bool:
    return asyncio.run(ask(bed, "", "/readyz")).status == 200


@pytest.mark.req("F31")
async def test_ordinary_requests_that_hold_the_pool_do_not_hold_up_a_serious_event(
    bed: Bed, phones: Phones, staff: str
) -> None:
    await asyncio.to_thread(bed.start_web, PORTAL_DB_POOL="2")
    with psycopg.connect(bed.database_url) as side:
        side.execute("LOCK TABLE documents_report IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(shed(bed, staff, "/api/v1/reports/"))
        while not bed.number("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)
        reply = await post(bed, staff, EVENTS, serious(phones[0][0]))
        assert reply.status == 201
        await waiting
    await served(bed, staff)


@pytest.mark.req("F20", "F24")
async def test_once_a_database_that_crashed_is_back_nobody_is_told_to_come_again(
    bed: Bed, phones: Phones, staff: str
) -> None:
    """Every connection that the web process held has ended, and who comes first finds that out."""
    patient, token = phones[0]
    await asyncio.to_thread(bed.ensure, "web")

    async def statuses(times: int) -> list[int]:
        asked = [ask(bed, staff, ME) for _ in range(times)]
        asked += [post(bed, staff, EVENTS, serious(patient)) for _ in range(times)]
        asked += [
            send(bed, token, report_body(patient, uuid7(), clock.now())) for _ in range(times)
        ]
        return [reply.status for reply in await asyncio.gather(*asked)]

    await statuses(8)  # so that each pool holds as many as it is let
    for _ in range(3):
        await asyncio.to_thread(bed.kill_postgres)
        assert await statuses(1) == [200, 201, 202]


@pytest.mark.req("F31")
def test_a_server_that_keeps_too_few_connections_is_refused_before_production(
    bed: Bed,
) -> None:
    told = bed.manage("check", "--deploy", "--tag", "portal")
    assert "portal.E011" not in told
    assert "portal.E012" not in told
    for setting in ({"PORTAL_DB_SAFETY_POOL": "40"}, {"DATABASE_SAFETY_URL": ""}):
        assert "portal.E011" in bed.manage("check", "--deploy", "--tag", "portal", **setting)
    assert "portal.E012" in bed.manage("check", "--deploy", "--tag", "portal", PORTAL_DB_POOL="90")
