"""Eight hours of reports wait: they are drained, and a safety answer is behind none of them."""

import asyncio
from collections.abc import Iterable
from statistics import median
from uuid import UUID

import psutil
import pytest

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Connection
from portal.demo.simulation.phone import API, BATCH
from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import Phones, say
from tests.rig.fleet import report_body
from tests.rig.test_kills import send

A_CALL = 500
STATUS = (
    "SELECT extract(epoch FROM p.processed_at - r.received_at) FROM patients_eproreport r "
    "JOIN patients_reportprocessing p ON p.report_id = r.id "
    "WHERE p.status = 'processed' AND r.submission_id = ANY(%s)"
)


async def store(bed: Bed, phones: Phones, count: int) -> list[UUID]:
    """Store reports that nobody processes yet."""
    keys = [uuid7() for _ in range(count)]
    for place in range(0, count, A_CALL):
        patient, token = phones[place // A_CALL % len(phones)]
        said = [report_body(patient, key, clock.now()) for key in keys[place : place + A_CALL]]
        connection = Connection(bed.url)
        call = b'{"reports":[' + b",".join(said) + b"]}"
        reply = await connection.request("POST", API + BATCH, token=token, body=call, seconds=60)
        connection.close()
        assert {one["status"] for one in reply.json()["results"]} == {202}
    return keys


def seconds_of(bed: Bed, keys: Iterable[UUID]) -> list[float]:
    with bed.superuser() as asked:
        return sorted(float(row[0]) for row in asked.execute(STATUS, [list(keys)]))


def megabytes(bed: Bed, name: str) -> float:
    process = psutil.Process(bed.programs[name].pid)
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_info().rss for one in family) / 1e6


async def drain_backlog(bed: Bed, phones: Phones, backlog: int, urgent: int) -> list[float]:
    """Return how long each safety report took that came while a backlog was drained."""
    await asyncio.to_thread(bed.ensure, "web", "worker")
    for name in ("relay", "beat"):
        if name in bed.programs:
            bed.kill(name)
    waiting = await store(bed, phones, backlog)
    assert bed.pending() >= backlog
    began = asyncio.get_running_loop().time()
    bed.start("relay")
    await asyncio.to_thread(wait_for, lambda: bed.pending() < backlog, "it is being drained")
    patient, token = phones[0]
    keys, most = [], {"relay": 0.0, "worker": 0.0}
    at_first = megabytes(bed, "worker")
    while bed.pending() > backlog // 100 and len(keys) < urgent:
        keys.append(uuid7())
        body = report_body(patient, keys[-1], clock.now())
        said = body.replace(b'"self_harm": false', b'"self_harm": true')
        assert (await send(bed, token, said)).status == 202
        most = {name: max(held, megabytes(bed, name)) for name, held in most.items()}
        await asyncio.sleep(0.1)
    while_it_drained = bed.pending()
    await asyncio.to_thread(bed.wait_until_quiet, 300)
    seconds = asyncio.get_running_loop().time() - began
    urgent_seconds, ordinary = seconds_of(bed, keys), seconds_of(bed, waiting)
    assert len(urgent_seconds) == len(keys) > 0
    assert len(ordinary) == backlog
    say(
        f"{backlog} waited, drained in {seconds:.0f} s ({backlog / seconds:.0f}/s); "
        f"{len(keys)} safety reports beside them ({while_it_drained} still waited then): "
        f"median {median(urgent_seconds):.2f} s, slowest {urgent_seconds[-1]:.2f} s; "
        f"0 lost in {len(ordinary) + len(keys)}; "
        f"relay {most['relay']:.0f} MB, worker {most['worker']:.0f} MB (first {at_first:.0f})"
    )
    assert most["worker"] < 2 * at_first
    return urgent_seconds


@pytest.mark.soak
@pytest.mark.req("F50")
async def test_ten_thousand_that_wait_do_not_delay_a_safety_report(
    bed: Bed, phones: Phones
) -> None:
    seconds = await drain_backlog(bed, phones, 10_000, 50)
    assert seconds[-1] < 10
