"""PostgreSQL goes away in the middle: 503, a resend, and one record."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from portal.core import clock
from portal.core.ids import uuid7
from tests.rig.bed import DATABASE, Bed
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign
from tests.rig.fleet import Fleet, report_body
from tests.rig.proxy import FINE, Proxy, Weather, proxied
from tests.rig.test_kills import send, stored

SOCKET = ".s.PGSQL.5432"


@contextmanager
def web_behind_proxy(bed: Bed) -> Iterator[Proxy]:
    """Give the proxy through which the web process reaches its database."""
    folder = bed.postgres.sockets / "hole"
    folder.mkdir(mode=0o700, exist_ok=True)
    with proxied(bed.postgres.sockets / SOCKET, folder / SOCKET) as proxy:
        host = quote(str(folder), safe="")
        bed.start_web(DATABASE_URL=f"postgres://portal_app@/{DATABASE}?host={host}")
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
    assert stored(bed, key) == 1


async def _until_taken(bed: Bed, token: str, body: bytes):  # type: ignore[no-untyped-def]
    async with asyncio.timeout(60):
        while (reply := await send(bed, token, body)).status == 503:
            await asyncio.sleep(0.05)
    assert reply.status == 202
    return reply


@pytest.mark.soak
@pytest.mark.req("F25")
async def test_a_database_whose_packets_vanish_is_told_as_such_and_holds_nobody_for_ever(
    bed: Bed, phones: Phones
) -> None:
    patient, token = phones[5]
    with web_behind_proxy(bed) as proxy:
        first = await send(bed, token, report_body(patient, uuid7(), clock.now()))
        assert first.status == 202
        proxy.weather = Weather(blackhole=True)
        bodies = [report_body(patient, uuid7(), clock.now()) for _ in range(30)]
        began = time.monotonic()
        replies = await asyncio.gather(*(send(bed, token, body) for body in bodies))
        assert {reply.status for reply in replies} == {503}
        assert time.monotonic() - began < 60  # for safety: the limits are in the settings
        proxy.weather = FINE
        proxy.drop_all()
        await _until_taken(bed, token, bodies[0])


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
