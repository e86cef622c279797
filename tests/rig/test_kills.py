"""Each process killed at its worst moment: work is done once, and what was answered is there."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portal.core import clock
from portal.core.ids import uuid7
from portal.demo.simulation.connection import Connection, ConnectionBroken, Reply
from portal.demo.simulation.phone import API, REPORTS, VITALS
from portal.outbox import leases
from tests.rig.bed import Bed, armed, wait_for
from tests.rig.campaign import EVERYTHING, Phones, accepted, campaign
from tests.rig.fleet import MANNERS, Fleet, report_body
from tests.rig.proxy import Weather, proxied

QUIET = replace(MANNERS, hang_ups=0.0)
# A worker whose process ends between taking a message from Valkey and noting that it has it.
TAKES_AND_DIES = """
import os, signal
import kombu.transport.redis as redis
redis.QoS.append = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
"""


async def send(bed: Bed, token: str, body: bytes, url: str = "", path: str = REPORTS) -> Reply:
    """Send one upload, a report unless said; raises ConnectionBroken."""
    connection = Connection(url or bed.url)
    try:
        return await connection.request("POST", API + path, token=token, body=body)
    finally:
        connection.close()


def stored(bed: Bed, key: object) -> int:
    return bed.number(f"SELECT count(*) FROM patients_eproreport WHERE submission_id = '{key}'")


def written_for(bed: Bed, key: object) -> tuple[int, int, int]:
    """Return how many reports, history entries and messages a submission has left."""
    report = f"(SELECT id FROM patients_eproreport WHERE submission_id = '{key}')"
    return (
        stored(bed, key),
        bed.number(
            f"SELECT count(*) FROM audit.patients_eproreporthistory WHERE pgh_obj_id IN {report}"
        ),
        bed.number(f"SELECT count(*) FROM outbox_outboxdelivery WHERE record_id IN {report}"),
    )


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
    assert written_for(bed, key) == (rows_then, rows_then, rows_then)
    await asyncio.to_thread(bed.ensure, "web")
    answers = [await send(bed, token, body) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert replayed == ["true" if rows_then else None, "true"]
    assert written_for(bed, key) == (1, 1, 1)


# A web process that ends in its n-th request from a gateway, after so many statements: the first
# asks who holds a device, the second writes the readings, the third sets aside what is nobody's.
DIES_AFTER = """
import os, signal
import portal.asgi
from patients.intake.telling import Wire
request, done = 0, 0
tell = Wire.tell
def counted(story):
    global request, done
    rows = None
    while True:
        try:
            sql, parameters = next(story) if rows is None else story.send(rows)
        except StopIteration:
            return
        rows = yield sql, parameters
        if "SELECT r.place" in sql:
            request, done = request + 1, 0
        if "unnest" in sql:
            done += 1
            if (request, done) == ({request}, {nth}):
                os.kill(os.getpid(), signal.SIGKILL)
Wire.tell = lambda self, story, ended: tell(self, counted(story), ended)
"""
GATEWAY = """
from datetime import timedelta
from patients.models import Device, DeviceAssignment, Patient
from portal.accounts.models import User, UserKind
from portal.accounts.services.devices import issue_gateway_token
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
at = clock.now()
system = User.objects.get(pk=SYSTEM_ACCOUNT)
patient = Patient.objects.get(pk=sys.argv[1])
with acting(by=SYSTEM_ACCOUNT, at=at, reason="test"):
    device = Device.objects.create(trial=patient.trial, identifier="bed-1", kind="monitor")
    DeviceAssignment.objects.create(
        patient=patient, device=device, from_at=at - timedelta(days=1), assigned_by=system)
    user = User.objects.create(username="gateway", password="!", kind=UserKind.SERVICE)
print(issue_gateway_token(user=user, site_id=patient.site_id, device_id="gateway", by=system,
    at=at, reason="test"))
"""


@pytest.mark.req("F3")
async def test_web_process_killed_between_any_two_statements_leaves_what_the_resend_completes(
    bed: Bed, phones: Phones
) -> None:
    """Each statement is whole or not there, and what was written is found again."""
    (token,) = await asyncio.to_thread(bed.run_script, GATEWAY, str(phones[8][0]))

    def start(nth: int, request: int) -> None:
        bed.start_under("web", DIES_AFTER.format(nth=nth, request=request))
        wait_for(bed.answers, "the web process answers")

    uploads = "SELECT count(*) FROM patients_vitalsupload WHERE submission_id = '{}'"
    aside = "SELECT count(*) FROM patients_quarantinedsubmission WHERE submission_id = '{}'"
    for nth, written in ((1, (0, 0)), (2, (1, 0)), (3, (1, 1))):
        key, said = uuid7(), clock.now().isoformat()
        measured = {"code": "heart_rate", "value": 70 + nth, "unit": "/min", "measured_at": said}
        readings = [measured | {"device_id": name} for name in ("bed-1", f"stray-{nth}")]
        body = json.dumps({"submission_id": str(key), "readings": readings}).encode()
        if nth == 1:
            await asyncio.to_thread(start, 1, 1)
        with pytest.raises(ConnectionBroken):
            await send(bed, token, body, path=VITALS)
        wait_for(lambda: bed.died("web"), "it died after that statement")
        assert tuple(bed.number(one.format(key)) for one in (uploads, aside)) == written
        # The next one dies in its third request, which is the next upload.
        await asyncio.to_thread(start, nth + 1, 3)
        answers = [await send(bed, token, body, path=VITALS) for _ in range(2)]
        assert [answer.status for answer in answers] == [202, 202]
        assert answers[0].json() == answers[1].json()
        assert tuple(bed.number(one.format(key)) for one in (uploads, aside)) == (1, 1)


@pytest.mark.req("F4")
async def test_what_no_relay_was_told_of_is_found_by_the_sweep(bed: Bed, phones: Phones) -> None:
    """The web process dies at its commit, nobody listens; only the beat's sweep is left."""
    patient, token = phones[0]
    key = uuid7()
    for name in ("relay", "worker", "beat"):
        if name in bed.programs:
            bed.kill(name)
    await asyncio.to_thread(bed.start_web, **armed("ingest.after_commit"))
    with pytest.raises(ConnectionBroken):
        await send(bed, token, report_body(patient, key, clock.now()))
    assert written_for(bed, key) == (1, 1, 1)
    bed.age()
    await asyncio.to_thread(bed.ensure, "worker", "beat")
    done = f"{PROCESSED} AND submission_id = '{key}'"
    await asyncio.to_thread(wait_for, lambda: bed.number(done) == 1, "the sweep has run it")


PROCESSED = (
    "SELECT count(*) FROM patients_eproreport r JOIN patients_reportprocessing p "
    "ON p.report_id = r.id WHERE p.status = 'processed'"
)


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
    again = [await send(bed, token, body) for _ in range(2)]
    assert [one.status for one in again] == [202, 202]
    assert [one.headers.get("idempotency-replayed") for one in again] == ["true", "true"]
    assert again[0].json() == again[1].json()
    assert written_for(bed, key) == (1, 1, 1)


async def _killed_on_the_way(
    bed: Bed, phones: Phones, tmp_path: Path, program: str, failpoint: str
) -> None:
    """Kill a program at a failpoint while uploads come in; then let a clean one go on."""
    reached = tmp_path / "reached"

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 5)
        await asyncio.to_thread(wait_for, reached.exists, f"{failpoint} was reached")
        await asyncio.to_thread(bed.kill, program)
        bed.end_leases()

    await asyncio.to_thread(bed.ensure, *(name for name in EVERYTHING if name != program))
    bed.start(program, **armed(failpoint, once=reached))
    done = await campaign(bed, phones, tmp_path, trouble, seed=5, manners=QUIET)
    assert reached.exists()
    assert done.judgment.accepted > 0
    assert done.judgment.is_clean, done.judgment.text()


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


@pytest.mark.req("F9")
async def test_worker_killed_between_taking_a_message_and_noting_it_loses_no_work(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, 5)
        await asyncio.to_thread(wait_for, lambda: bed.died("worker"), "the worker took a message")
        bed.end_leases()

    await asyncio.to_thread(bed.ensure, "web", "relay", "beat")
    bed.start_under("worker", TAKES_AND_DIES)
    done = await campaign(bed, phones, tmp_path, trouble, seed=9, manners=QUIET, pause=0.2)
    assert done.judgment.is_clean, done.judgment.text()


@pytest.mark.req("F20", "F49")
async def test_a_database_that_ends_again_and_again_is_not_held_against_the_work_it_interrupts(
    bed: Bed, phones: Phones
) -> None:
    patient, token = phones[0]
    await asyncio.to_thread(bed.ensure, "web", "relay")
    await asyncio.to_thread(bed.start, "worker", FAILPOINTS="task.mid=sleep:2000")
    key = uuid7()
    assert (await send(bed, token, report_body(patient, key, clock.now()))).status == 202
    mine = (
        "SELECT count(*) FROM outbox_outboxdelivery d JOIN patients_eproreport r "
        f"ON r.id = d.record_id WHERE r.submission_id = '{key}' AND d.kind = 'report.received'"
    )
    under_way = f"{mine} AND d.attempts > 0 AND d.last_error = '' AND d.leased_until IS NOT NULL"
    done = f"{mine} AND d.state = 'done'"
    for _ in range(leases.MOST_UNENDED + 1):
        await asyncio.to_thread(
            wait_for, lambda: bed.number(under_way) or bed.number(done), "it is being done"
        )
        await asyncio.to_thread(bed.kill_postgres)
    await asyncio.to_thread(wait_for, lambda: bed.number(done) == 1, "it is done at last")


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
