"""Many phones at once, and slow ones: everybody is served or told to come again."""

import asyncio
import base64
import json
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.demo.simulation.outbox import Outbox
from portal.demo.simulation.phone import Step
from tests.rig.bed import Bed, wait_for
from tests.rig.campaign import Phones, accepted, campaign, say
from tests.rig.conftest import enroll
from tests.rig.fleet import MANNERS, Fleet, report_body
from tests.rig.raw import head
from tests.rig.test_database import body_key
from tests.rig.test_kills import QUIET, send, stored


@pytest.fixture(scope="module")
def crowd(bed: Bed) -> Phones:
    return enroll(bed, 300, "RIG-2")


async def eight_in_the_morning(bed: Bed, crowd: Phones, tmp_path: Path, uploads: int) -> Fleet:
    """Let everybody write at once, behind one address, until so many uploads were accepted."""

    async def trouble(fleet: Fleet) -> None:
        await accepted(fleet, uploads)

    # As in a clinic: the limit is the product's own, for each account.
    await asyncio.to_thread(bed.start_web, PORTAL_INTAKE_REQUESTS_PER_MINUTE="600")
    await asyncio.to_thread(bed.ensure, "relay", "worker", "beat")
    manners = replace(MANNERS, hang_ups=0.02)
    done = await campaign(bed, crowd, tmp_path, trouble, seed=62, manners=manners, pause=2.0)
    statuses = Counter(line.status for line in done.fleet.history if line.step is not Step.INVOKE)
    say(f"{len(crowd)} phones: {dict(statuses)}; {done.judgment.text()}")
    assert done.judgment.accepted >= uploads
    assert done.judgment.is_clean, done.judgment.text()
    # Taken, shed, or hung up on. Nobody is refused, and none for whom they share an address with.
    assert statuses.keys() <= {0, 202, 503}
    return done.fleet


@pytest.mark.req("F62", "F72")
async def test_three_hundred_phones_behind_one_address_are_all_served(
    bed: Bed, crowd: Phones, tmp_path: Path
) -> None:
    fleet = await eight_in_the_morning(bed, crowd, tmp_path, 300)
    assert {line.patient for line in fleet.history if line.step is Step.OK} == {
        patient for patient, _token in crowd
    }


@pytest.mark.soak
@pytest.mark.req("F62", "F72")
async def test_eight_in_the_morning_nobody_is_forgotten(
    bed: Bed, crowd: Phones, tmp_path: Path
) -> None:
    await eight_in_the_morning(bed, crowd, tmp_path, 5000)


# A web process that gives a slow body less time than the product does.
HURRIED = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import django
django.setup()
from patients.intake import app
app.BODY_SECONDS = 1.5
"""


async def slow_and_normal(
    bed: Bed, phones: Phones, *, slow: int, normal: int, pause: float, ends: set[int]
) -> None:
    """Send bodies byte by byte that cannot come in time, and others beside them."""
    patient, token = phones[6]
    bodies = [report_body(patient, uuid7(), clock.now()) for _ in range(slow)]

    async def drip(body: bytes) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", bed.port)
        usual = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        writer.write(head(*usual, token=token))
        answered = asyncio.ensure_future(reader.read(15))
        for place in range(len(body)):
            if answered.done():
                break
            writer.write(body[place : place + 1])
            await asyncio.sleep(pause)
        said = await answered
        writer.close()
        return int(said[9:12] or 0)

    dripping = [asyncio.create_task(drip(body)) for body in bodies]
    await asyncio.sleep(0)
    normals = [report_body(patient, uuid7(), clock.now()) for _ in range(normal)]
    replies = [await send(bed, token, body) for body in normals]
    assert {reply.status for reply in replies} == {202}
    assert not any(task.done() for task in dripping), "the normal ones did not wait for the slow"
    assert set(await asyncio.gather(*dripping)) <= ends
    assert [stored(bed, body_key(body)) for body in bodies] == [0] * slow
    assert [stored(bed, body_key(body)) for body in normals] == [1] * normal
    say(f"{slow} slow and {normal} normal phones: 0 of the normal held up")


@pytest.mark.req("F67")
async def test_slow_phones_hold_up_nobody_and_lose_their_place_in_time(
    bed: Bed, phones: Phones
) -> None:
    bed.start_under("web", HURRIED)
    await asyncio.to_thread(wait_for, bed.answers, "the web process answers")
    await slow_and_normal(bed, phones, slow=20, normal=2, pause=0.1, ends={408})


@pytest.mark.soak
@pytest.mark.req("F67")
async def test_two_hundred_slow_phones_hold_up_fifty_normal_ones_not_at_all(
    bed: Bed, phones: Phones
) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    await slow_and_normal(bed, phones, slow=200, normal=50, pause=1.0, ends={408})


@pytest.mark.req("F70")
async def test_phone_whose_token_ended_keeps_its_queue_until_it_has_another(
    bed: Bed, phones: Phones, tmp_path: Path
) -> None:
    await asyncio.to_thread(bed.ensure, "web")
    patient, token = phones[9]
    alone = [(patient, token)]
    begins = clock.now()
    made = Fleet(alone, url=bed.url, folder=tmp_path, seed=70, begins=begins, manners=QUIET)
    with closing(made) as fleet:
        kept = await _shut_out_and_let_in(bed, fleet, tmp_path)
    with bed.superuser() as asked:
        found = asked.execute(
            "SELECT count(*) FROM (SELECT submission_id FROM patients_eproreport UNION ALL "
            "SELECT submission_id FROM patients_vitalsupload) AS s WHERE submission_id = ANY(%s)",
            [kept],
        ).fetchone()
    assert found == (len(kept),)


async def _shut_out_and_let_in(bed: Bed, fleet: Fleet, tmp_path: Path) -> list[UUID]:
    (phone,) = fleet.phones
    uploads = [upload for upload, _ in zip(fleet.uploads_of(phone), range(20), strict=False)]
    for upload in uploads:
        phone.outbox.put(upload)
    end_session_of(bed, phone.token)

    await phone.send_all()
    assert phone.is_shut_out
    refused = [line for line in fleet.history if line.step is not Step.INVOKE]
    assert {(line.step, line.status) for line in refused} == {(Step.FAIL, 401)}
    assert list(phone.outbox.pending) == [upload.submission_id for upload in uploads]
    assert list(Outbox(tmp_path / f"{phone.patient}.outbox").pending) == list(phone.outbox.pending)

    (phone.token,) = await asyncio.to_thread(bed.run_script, ANOTHER_PHONE, str(phone.patient))
    phone.is_shut_out = False
    await phone.send_all()
    assert phone.outbox.pending == {}
    return [upload.submission_id for upload in uploads]


def end_session_of(bed: Bed, token: str) -> None:
    """Let the time of a device's session be over."""
    part = token.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    with bed.superuser() as asked:
        asked.execute("SELECT set_config('portal.actor', %s, false)", [str(SYSTEM_ACCOUNT)])
        ended = asked.execute(
            "UPDATE accounts_session SET expires_at = clock_timestamp() WHERE id = %s",
            [said["sid"]],
        )
        assert ended.rowcount == 1


ANOTHER_PHONE = """
from patients.models import Patient
from portal.accounts.models import User
from portal.accounts.services.devices import issue_device_token
from portal.core.ids import SYSTEM_ACCOUNT
patient = Patient.objects.select_related("account").get(pk=sys.argv[1])
print(issue_device_token(user=patient.account, patient_id=patient.pk, device_id="",
    by=User.objects.get(pk=SYSTEM_ACCOUNT), at=clock.now(), reason="signed in again"))
"""
