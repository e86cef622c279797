"""Losing a right ends what it covered: nothing stored afterwards is heard (F99, F100, W10)."""

import asyncio
import random
from typing import Any

import pytest

from patients.models import Patient
from portal.access.roles import ROLES, Level
from portal.accounts.models import Session, User
from portal.accounts.services import sessions, users
from portal.core import clock
from portal.live.hub import hub
from portal.live.relay import Relay
from tests.access.arms import CANARY, allocate, set_up
from tests.access.test_blinding import UNBLINDED
from tests.access.world import World, access_token, anchor_for, make_person
from tests.portal.live.conftest import Client, Connect, in_database, publish, store
from trials.models import SiteUserPermission
from trials.services.access import sync_access

pytestmark = pytest.mark.django_db(transaction=True)

FORBIDDEN_VALUE = 41  # of what is stored once the right is gone


def revoke(person: User) -> None:
    session = Session.objects.filter(user=person, revoked_at=None).latest("created_at")
    sessions.revoke_session(session=session, by=person, at=clock.now(), reason="lost phone")


def take_the_right(person: User) -> None:
    SiteUserPermission.objects.filter(
        user=person, permission__codename="vital_sign:monitor"
    ).delete()


def give_it_back(person: User) -> None:
    sync_access(at=clock.now(), people=[person.pk])


async def heard_after(client: Client) -> tuple[list[float], int | None]:
    """Return the values of all updates until the topic or the socket ends, and the close code."""
    values: list[float] = []
    while True:
        output = await client.communicator.receive_output(timeout=60)
        if output["type"] == "websocket.close":
            return values, int(output["code"])
        if '"code":"forbidden"' in output["text"]:
            return values, None
        if '"type":"update"' in output["text"]:
            values.append(float(output["text"].partition('"value":')[2].partition(",")[0]))


async def trial(world: World, connect: Connect, chance: random.Random) -> None:
    """Lose a right at any moment of subscribing, storing and publishing; look at what was heard."""
    person: User = world.people["ines"]
    lose, code = chance.choice([(revoke, 4401), (take_the_right, None)])
    topic = f"site.{world.sites[0].pk}.vitals"
    token = await in_database(access_token)(person)
    client = await connect(person, token=token)
    relay = Relay()
    if chance.random() < 0.5:
        await client.subscribe(topic)
    else:  # the verdict on the subscription is under way when the right is lost
        await client.say(type="subscribe", topic=topic)
    before = [store(world, value="37.0") for _ in range(chance.randint(0, 2))]
    work: list[Any] = [*before, publish(relay), in_database(lose)(person)]
    chance.shuffle(work)
    await asyncio.gather(*work)
    # The loss is committed: from here on, nothing of what is stored may be heard.
    for _ in range(chance.randint(1, 2)):
        await store(world, value=str(FORBIDDEN_VALUE))
    await publish(relay)
    values, closed = await heard_after(client)
    assert FORBIDDEN_VALUE not in values
    assert closed == code
    if code is None:
        await in_database(give_it_back)(person)
        await in_database(revoke)(person)
        assert await client.closed() == 4401
    while hub().sockets:
        await asyncio.sleep(0.02)


@pytest.mark.req("F99", "F100", "W5")
async def test_F099_F100_W05_nothing_stored_after_the_loss_is_heard_whenever_it_happens(
    world: World, connect: Connect
) -> None:
    chance = random.Random(99)
    for _ in range(8):
        await trial(world, connect, chance)


@pytest.mark.soak
@pytest.mark.req("F99", "F100", "W5")
async def test_F099_F100_W05_a_thousand_losses(world: World, connect: Connect) -> None:
    chance = random.Random(100)
    for _ in range(1_000):
        await trial(world, connect, chance)


def deactivate(person: User) -> None:
    users.deactivate_user(user=person, by=person, at=clock.now(), reason="left")


def leave_the_site(person: User) -> None:
    SiteUserPermission.objects.filter(user=person).delete()


def let_the_right_end(person: User) -> None:
    SiteUserPermission.objects.filter(
        user=person, permission__codename="vital_sign:monitor"
    ).update(valid_until=clock.now())


@pytest.mark.req("F100", "W5", "W6")
async def test_F100_W06_every_way_of_losing_a_right_ends_it_though_nothing_is_published(
    world: World, connect: Connect
) -> None:
    topic = f"patient.{world.patients[0].pk}.vitals"
    ways = (
        (take_the_right, None),
        (leave_the_site, None),
        (let_the_right_end, None),
        (revoke, 4401),
        (deactivate, 4401),
    )
    for number, (lose, code) in enumerate(ways):
        person = await in_database(make_person)(
            world, f"way{number}", "principal_investigator", world.sites[0]
        )
        client = await connect(person)
        await client.subscribe(topic)
        await in_database(lose)(person)
        assert await heard_after(client) == ([], code), lose.__name__


def everybody_blinded(world: World) -> list[User]:
    """Make one person of each role that is blinded, patients' own accounts left out."""
    return [
        make_person(world, f"role-{role}", role, anchor_for(world, role))
        for role in sorted(set(ROLES) - UNBLINDED)
        if Level.PATIENT not in ROLES[role].levels
    ]


def every_topic(world: World) -> list[str]:
    """Return the topics of the first trial, and one's own."""
    first = world.trials[0].pk
    return [
        "notifications",
        *(f"patient.{one.pk}.vitals" for one in world.patients if one.trial_id == first),
        *(f"site.{site.pk}.vitals" for site in world.sites if site.trial_id == first),
        *(f"trial.{first}.{what}" for what in ("vitals", "safety")),
    ]


@pytest.mark.req("W10")
async def test_W10_no_blinded_listener_hears_of_an_arm_while_arms_change(
    world: World, connect: Connect
) -> None:
    people = await in_database(everybody_blinded)(world)
    await in_database(set_up)(world)
    clients = [await connect(person) for person in people]
    for client in clients:
        for topic in every_topic(world):
            await client.say(type="subscribe", topic=topic)
    relay, heard = Relay(), ""
    await in_database(allocate)(world, 0)
    for number in range(4):
        await store(world, number)
    await publish(relay)

    def touch() -> None:
        from portal.core.history import acting
        from portal.core.ids import SYSTEM_ACCOUNT

        with acting(by=SYSTEM_ACCOUNT, reason="test", source="api"):  # type: ignore[arg-type]
            for patient in Patient.objects.all():
                patient.save()

    await in_database(touch)()
    await publish(relay)
    updates = 0
    for client in clients:
        await client.say(type="ping")
        while '"pong"' not in (text := (await client.communicator.receive_output(60))["text"]):
            heard += text
            updates += '"type":"update"' in text
    assert updates, "nobody heard anything: this showed nothing"
    assert CANARY not in heard
    # The canary is there to be found.
    assert await in_database(lambda: _protected_text())()


def _protected_text() -> bool:
    from portal.access.unblinded import unblinded
    from tests.access.arms import protected_models

    with unblinded():
        return any(
            CANARY in repr(row) for model in protected_models() for row in model.objects.values()
        )
