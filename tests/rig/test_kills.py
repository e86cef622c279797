"""Each process killed at its worst moment: work is done once, and what was answered is there."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Connection, ConnectionBroken, Reply
from portal.demo.simulation.phone import API, REPORTS
from tests.rig.bed import Bed, armed, wait_for
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign
from tests.rig.fleet import MANNERS, Fleet, report_body
from tests.rig.proxy import Weather, proxied

QUIET = replace(MANNERS, hang_ups=0.0)
# A worker whose process ends between taking a message from Valkey and noting that it has it.
TAKES_AND_DIES = """
import os, signal, sys
import kombu.transport.redis as redis
redis.QoS.append = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["celery"] + sys.argv[1:]
from celery.__main__ import main
main()
"""


async def send(bed: Bed, token: str, body: bytes, url: str = "") -> Reply:
    """Send one report; raises ConnectionBroken."""
    connection = Connection(url or bed.url)
    try:
        return await connection.request("POST", API + REPORTS, token=token, body=body)
    finally:
        connection.close()


def stored(bed: Bed, key: object) -> int:
    return bed.number(f"SELECT count(*) FROM patients_eproreport WHERE submission_id = '{key}'")


@pytest.mark.parametrize(
    ("failpoint", "rows_then"),
    [
        pytest.param("ingest.before_commit", 0, marks=pytest.mark.req("F1")),
        pytest.param("ingest.after_commit", 1, marks=pytest.mark.req("F2")),
    ],
)
async def test_web_process_killed_around_the_commit_leaves_all_or_nothing_and_the_resend_settles_it(
    bed: Bed, phones: Phones, failpoint: str, rows_then: int
) -> None:
    patient, token = phones[0]
    key, at = uuid7(), clock.now()
    body = report_body(patient, key, at)
    await asyncio.to_thread(bed.start_web, **armed(failpoint))
    with pytest.raises(ConnectionBroken):
        await send(bed, token, body)
    wait_for(lambda: bed.died("web"), "the failpoint was reached")
    assert stored(bed, key) == rows_then
    await asyncio.to_thread(bed.ensure, "web")
    answers = [await send(bed, token, body) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers.get("idempotency-replayed") == "true"
    assert stored(bed, key) == 1


@pytest.mark.req("F2")
async def test_reply_lost_on_the_way_is_given_again(bed: Bed, phones: Phones) -> None:
    patient, token = phones[0]
    key = uuid7()
    body = report_body(patient, key, clock.now())
    await asyncio.to_thread(bed.ensure, "web")
    with proxied(("127.0.0.1", bed.port)) as proxy:
        proxy.weather = Weather(cut_before_reply=b"POST")
        with pytest.raises(ConnectionBroken):
            await send(bed, token, body, f"http://127.0.0.1:{proxy.port}")
    again = await send(bed, token, body)
    assert again.status == 202
    assert stored(bed, key) == 1


async def _killed_on_the_way(
    bed: Bed, phones: Phones, tmp_path: Path, program: str, failpoint: str
) -> None:
    """Kill a program at a failpoint while uploads come in; then let a clean one go on."""
    reached = asyncio.Event()

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 5)
        await asyncio.to_thread(wait_for, _was_reached(bed, program), f"{failpoint} was reached")
        reached.set()
        await asyncio.to_thread(bed.kill, program)
        bed.end_leases()

    await asyncio.to_thread(bed.ensure, *(name for name in EVERYTHING if name != program))
    bed.start(program, **armed(failpoint, nth=1))
    done = await campaign(bed, phones, tmp_path, trouble, seed=5, manners=QUIET)
    assert reached.is_set()
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()


def _was_reached(bed: Bed, program: str) -> Callable[[], bool]:
    if program == "worker":  # the child dies, and its parent says so
        return lambda: "signal 9 (SIGKILL)" in bed.tail("worker") or bed.died("worker")
    return lambda: bed.died(program)


@pytest.mark.parametrize(
    ("program", "failpoint"),
    [
        pytest.param("relay", "relay.after_claim", marks=pytest.mark.req("F5")),
        pytest.param("relay", "relay.after_publish", marks=pytest.mark.req("F6")),
        pytest.param("worker", "task.before_effect", marks=pytest.mark.req("F7")),
        pytest.param("worker", "task.after_effect", marks=pytest.mark.req("F8")),
    ],
)
@pytest.mark.soak
async def test_process_killed_on_the_way_leaves_each_effect_once(
    bed: Bed, phones: Phones, tmp_path: Path, program: str, failpoint: str
) -> None:
    await _killed_on_the_way(bed, phones, tmp_path, program, failpoint)


@pytest.mark.soak
@pytest.mark.req("F9")
async def test_worker_killed_between_taking_a_message_and_noting_it_loses_no_work(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 5)
        await asyncio.to_thread(wait_for, lambda: bed.died("worker"), "the worker took a message")
        bed.end_leases()

    await asyncio.to_thread(bed.ensure, "web", "relay", "beat")
    bed.start_instead("worker", TAKES_AND_DIES)
    done = await campaign(bed, phones, tmp_path, trouble, seed=9, manners=QUIET)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.req("F63")
async def test_six_equal_uploads_at_once_are_one_record_and_six_equal_answers(
    bed: Bed, phones: Phones
) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    patient, token = phones[1]
    for number in range(10):
        key = uuid7()
        body = report_body(patient, key, clock.now(), number)
        answers = await asyncio.gather(*(send(bed, token, body) for _ in range(6)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert stored(bed, key) == 1


@pytest.mark.req("F68")
async def test_queue_of_thirty_days_goes_in_one_call_with_a_verdict_each(
    bed: Bed, phones: Phones
) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    (patient, token), (stranger, _) = phones[2], phones[3]
    now = clock.now()
    keys = [uuid7() for _ in range(300)]
    bodies = [
        report_body(patient, key, now - timedelta(days=30) + timedelta(hours=2.4 * number), number)
        for number, key in enumerate(keys)
    ]
    bodies[7] = report_body(stranger, keys[7], now)
    connection = Connection(bed.url)
    call = b'{"reports":[' + b",".join(bodies) + b"]}"
    reply = await connection.request("POST", API + "intake/batch/", token=token, body=call)
    connection.close()
    assert reply.status == 200
    results = reply.json()["results"]
    assert [result["submission_id"] for result in results] == [str(key) for key in keys]
    statuses = [result["status"] for result in results]
    assert statuses == [202] * 7 + [404] + [202] * 292
    with bed.superuser() as asked:
        rows = asked.execute(
            "SELECT authored_at, received_at FROM patients_eproreport WHERE patient_id = %s "
            "AND submission_id = ANY(%s)",
            [patient, keys],
        ).fetchall()
    assert len(rows) == 299
    assert all(authored < received for authored, received in rows)
