"""Every way in which somebody loses what they listen to ends it, and nothing follows (W5, F100)."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from patients.models import Patient, PatientSite
from portal.accounts.models import Session, User
from portal.accounts.services import sessions, users
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import BEGAN, World, make_person
from tests.portal.live.conftest import Client, Connect, in_database, publish, store
from trials.models import Assignment
from trials.services.assignments import assign_role, end_assignment

pytestmark = pytest.mark.django_db(transaction=True)
FORBIDDEN_VALUE = 41  # of what is stored once the right is gone
SHIFT = timedelta(minutes=3)


def _end_assignment(person: User) -> None:
    assignment = Assignment.objects.get(person=person)
    end_assignment(assignment=assignment, by=_system(), at=clock.now(), reason="moved")


def _change_role(person: User) -> None:
    _end_assignment(person)
    where, at = Assignment.objects.get(person=person).site, clock.now()
    assign_role(person=person, role="cra", where=where, from_at=at, by=_system(), at=at)


def _revoke(person: User) -> None:
    session = Session.objects.get(user=person)
    sessions.revoke_session(session=session, by=person, at=clock.now(), reason="lost phone")


def _sign_out(person: User) -> None:
    sessions.sign_out(session=Session.objects.get(user=person), by=person, at=clock.now())


def _sign_out_everywhere(person: User) -> None:
    sessions.sign_out_everywhere(user=person, by=person, at=clock.now(), reason="moved")


def _deactivate(person: User) -> None:
    users.deactivate_user(user=person, by=_system(), at=clock.now(), reason="left")


def _change_password(person: User) -> None:
    password = "quince-larder-otter-77"
    users.set_password(
        user=person, password=password, by=person, at=clock.now(), reason="forgotten"
    )


def _let_session_expire(person: User) -> None:
    with acting(by=person, reason="test"):
        Session.objects.filter(user=person).update(expires_at=clock.now())


def _system() -> User:
    return User.objects.get(pk=SYSTEM_ACCOUNT)


WAYS: Mapping[str, Callable[[User], None]] = {
    "assignment ended": _end_assignment,
    "role changed": _change_role,
    "session revoked": _revoke,
    "signed out": _sign_out,
    "signed out everywhere": _sign_out_everywhere,
    "deactivated": _deactivate,
    "password changed": _change_password,
    "session expired": _let_session_expire,
}


async def heard_until_the_end(client: Client) -> tuple[list[float], Any]:
    """Return the values that came before the topic or the socket ended, and how it did."""
    values: list[float] = []
    while True:
        output = await client.communicator.receive_output(timeout=60)
        if output["type"] == "websocket.close":
            return values, int(output["code"])
        if '"code":"forbidden"' in output["text"]:
            return values, "forbidden"
        if '"type":"update"' in output["text"]:
            values.append(float(output["text"].partition('"value":')[2].partition(",")[0]))


@pytest.mark.req("W5", "W6", "F99", "F100", "F103")
async def test_W05_nothing_is_heard_after_any_way_of_losing_the_session_or_the_role(
    world: World, connect: Connect
) -> None:
    topic, clients = f"site.{world.sites[0].pk}.vitals", {}
    for way in WAYS:
        person = await in_database(make_person)(world, way, "doctor", world.sites[0])
        clients[way] = await connect(person)
        await clients[way].subscribe(topic)
    kept = await connect(world.people["ines"])
    await kept.subscribe(topic)

    for way, lose in WAYS.items():
        await in_database(lose)(world.people[way])
    await store(world, value=str(FORBIDDEN_VALUE))
    await publish()

    ends = {way: await heard_until_the_end(client) for way, client in clients.items()}
    assert ends == {way: ([], 4401) for way in WAYS}
    assert (await kept.hear())["data"]["value"] == FORBIDDEN_VALUE


@pytest.mark.req("W5", "F100")
async def test_W05_topic_ends_with_the_time_of_the_assignment(
    world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"site.{world.sites[0].pk}.vitals"
    person = await in_database(_for_a_moment)(world)
    client = await connect(person)
    await client.subscribe(topic)

    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + SHIFT)

    assert await heard_until_the_end(client) == ([], "forbidden")
    await store(world, value=str(FORBIDDEN_VALUE))
    await publish()
    assert await client.nothing()


def _for_a_moment(world: World) -> User:
    person, at = make_person(world, "locum"), clock.now()
    assign_role(
        person=person, role="doctor", where=world.sites[0], from_at=BEGAN, to_at=at + SHIFT,
        by=_system(), at=at,
    )  # fmt: skip
    return User.objects.get(pk=person.pk)


@pytest.mark.req("W5", "F100")
async def test_W05_topic_of_a_patient_tells_the_site_they_left_no_more(
    world: World, connect: Connect
) -> None:
    client = await connect(world.people["ines"])
    topic = f"patient.{world.patients[0].pk}.vitals"
    await client.subscribe(topic)

    await in_database(_transfer)(world)
    await store(world, value=str(FORBIDDEN_VALUE))
    await publish()

    assert await heard_until_the_end(client) == ([], "forbidden")


def _transfer(world: World) -> None:
    patient, at = world.patients[0], clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="moved house"):
        PatientSite.objects.filter(patient=patient).update(to_at=at)
        PatientSite.objects.create(patient=patient, site=world.sites[1], from_at=at)
        Patient.objects.filter(pk=patient.pk).update(site=world.sites[1])
