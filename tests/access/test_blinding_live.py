"""Nothing that is live tells a blinded person of arms: sockets, and the upload path (W10).

These have connections of their own, so the world is committed; between the two runs everybody gets
into the other arm.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from patients.intake import app
from patients.models import Alert
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.documents.models import Report
from portal.documents.services.progress import tell as tell_progress
from portal.documents.vocabulary import Told
from portal.live.relay import Relay
from portal.live.topics import kinds
from portal.notices.kinds import NoticeKind
from portal.notices.services.telling import About, tell
from tests.access import leaks
from tests.access.arms import CANARY, allocate, arm_now, set_up
from tests.access.told import masked
from tests.access.world import World, make_adverse_event, make_vital
from tests.http_server import serving
from tests.patients.intake.both_ways import PATH, Counted, exchange, normal, request
from tests.patients.intake.conftest import client, ward
from tests.patients.intake.phones import Client as Phone
from tests.patients.intake.phones import Ward, report, staff_token
from tests.patients.intake.test_protocol import CASES, in_thread
from tests.portal.live.conftest import Client, Connect, connect, in_database, world

__all__ = ["client", "connect", "ward", "world"]
pytestmark = pytest.mark.django_db(transaction=True)

# --- sockets --------------------------------------------------------------------------------------

_NUMBERED = re.compile(rb'"sequence":\d+')


@pytest.fixture
def listener(world: World) -> User:
    """A medical monitor, who may have a topic of every family; everybody is in the first arm."""
    person: User = world.people["mo"]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Report.objects.create(kind="audit_export", requested_by=person)
    set_up(world)
    allocate(world.patients, 0)
    return person


def topics_of(world: World, person: User) -> list[str]:
    """Return a topic of every family that there is."""
    records = {
        "patient": world.patients[0],
        "site": world.sites[0],
        "trial": world.trials[0],
        "report": Report.objects.get(requested_by=person),
    }
    of = [(kind.form, records.get(kind.form.partition(".")[0])) for kind in kinds()]
    return [form.replace("<id>", str(record.pk) if record else "") for form, record in of]


def write_what_is_open(world: World, person: User, number: int) -> None:
    """Write what each topic tells of: a reading, an alert, an adverse event, a notice, progress."""
    patient, report = world.patients[0], Report.objects.get(requested_by=person)
    with acting(by=SYSTEM_ACCOUNT, reason="test", source="api"):  # type: ignore[arg-type]
        make_vital(patient, value="38.5")
        make_adverse_event(patient, number=number)
        # Of another one each time: a pointer tells the version.
        alerts = Alert.objects.filter(patient=world.patients[number % 2])
        alerts.update(last_fired_at=clock.now())
        tell_progress(report, Told.PERCENT, at=clock.now(), percent=10)
        about = About(resource="report", record=report.pk, number="1")
        tell(
            kind=NoticeKind.REPORT_READY,
            about=about,
            occasion=str(number),
            people=[person.pk],
            at=clock.now(),
        )


async def heard(client: Client, topics: list[str]) -> list[bytes]:
    """Return everything that comes until each topic has told something, and nothing follows."""
    frames: list[bytes] = []
    missing = set(topics)
    while missing or not await client.nothing():
        message = await client.hear()
        if message["type"] == "update":
            missing.discard(message["topic"])
        text = json.dumps(message, sort_keys=True, separators=(",", ":")).encode()
        frames.append(_NUMBERED.sub(b"*", masked(text)))
    return sorted(frames)


async def runs(world: World, person: User, connect: Connect) -> list[list[bytes]]:
    """Return what a listener hears while people get into one arm, and then into the other."""
    topics = await in_database(topics_of)(world, person)
    client, relay = await connect(person), Relay()
    for topic in topics:
        await client.say(type="subscribe", topic=topic)
        await client.hear_until("subscribed")
    told = []
    for arm in (1, 0):
        await in_database(allocate)(world.patients, arm)
        await relay.publish_pending()
        await in_database(write_what_is_open)(world, person, 2 + arm)
        await relay.publish_pending()
        told.append(await heard(client, topics))
    return told


@pytest.mark.req("W10", "EMA-05")
async def test_W10_what_a_blinded_listener_hears_on_every_topic_does_not_change_with_the_arm(
    world: World, listener: User, connect: Connect
) -> None:
    first, second = await runs(world, listener, connect)
    # What is shown at the start comes once, before the first run.
    first = [frame for frame in first if b'"snapshot"' not in frame]

    assert first == second
    assert len(first) >= len(kinds())
    assert CANARY.encode() not in b"".join(first)


@pytest.mark.parametrize("leak", [leaks.in_a_snapshot, leaks.in_an_update])
async def test_a_leak_planted_in_a_topic_is_heard(
    world: World, listener: User, connect: Connect, monkeypatch: pytest.MonkeyPatch,
    leak: Callable[[pytest.MonkeyPatch], None],
) -> None:  # fmt: skip
    leak(monkeypatch)

    first, second = await runs(world, listener, connect)

    assert [frame for frame in first if b'"snapshot"' not in frame] != second


# --- the upload path ------------------------------------------------------------------------------

Answers = Mapping[str, Any]


async def uploaded(ward: Ward, client: Phone, arm: int) -> Answers:
    """Return what the server's protocol answers to whatever is sent, and what uploads became."""
    await asyncio.to_thread(in_thread, lambda _: _prepare(ward, arm), ward)
    told: dict[str, Any] = {}
    async with serving(Counted) as (_, port):
        for case, (make, _) in CASES.items():
            pieces = await asyncio.to_thread(in_thread, make, ward)
            told[case] = normal((await exchange(port, pieces))[0])
        made = await client.post("epro-reports", report(ward.patient), ward.token)
        address = f"{PATH}{made.json()['id']}/"
        staff = await asyncio.to_thread(in_thread, lambda _: staff_token(ward.coordinator), ward)
        for who, token in (("patient", ward.token), ("staff", staff), ("other", ward.other_token)):
            asked = request(b"", token, method="GET", path=address)
            told[f"status for {who}"] = normal((await exchange(port, [asked]))[0])
    return told


def _prepare(ward: Ward, arm: int) -> Any:
    if arm == 0:
        set_up(ward.world)
    allocate(ward.world.patients, arm)
    _ARM[:] = [arm_now()]
    return []


# An event loop cannot ask the database.
_ARM: list[int] = []


@pytest.mark.req("EMA-05")
async def test_no_answer_of_the_upload_path_changes_with_the_arm(ward: Ward, client: Phone) -> None:
    first, second = [await uploaded(ward, client, arm) for arm in (0, 1)]

    assert first == second
    assert CANARY not in repr(first)
    assert {first[f"status for {who}"][0] for who in ("patient", "staff")} == {200}


async def test_a_leak_planted_in_the_upload_path_is_found(
    ward: Ward, client: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_of = app.status.record_of
    # To people of one arm, their uploads are not there.
    monkeypatch.setattr(
        app.status, "record_of", lambda path: (_ARM != [1] and record_of(path)) or None
    )

    first, second = [await uploaded(ward, client, arm) for arm in (0, 1)]

    assert first != second
