"""Whose rights changed is asked about again, and nobody else."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import RightsChange, Session, SessionKind, User
from portal.accounts.services import sessions
from portal.core import clock
from portal.core.history import acting
from portal.live.hub import Hub
from portal.live.topics import Topic, TopicKind
from portal.live.watch import changes_since, judge_changed, rights_state
from tests.access.world import World
from tests.portal.live.conftest import in_database
from tests.portal.live.test_revocations import give_it_back, revoke, take_the_right

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(eq=False)
class Seat:
    """A socket as the hub knows it."""

    session: UUID
    person: UUID
    topics: dict[str, Any]
    id: UUID = field(default_factory=uuid4)
    judged_until: Any = None
    code: int | None = None

    def end(self, code: int) -> None:
        """Close it."""
        self.code = code


class Room:
    """A hub with one socket for each of some people, whose topic notes who is asked about."""

    def __init__(self, people: list[User]) -> None:
        self.asked: list[UUID] = []
        self.hub = Hub()
        topic = Topic("room", TopicKind("room", may=self._may), None, "room")
        for person in people:
            with acting(by=person, reason="test"):
                session = sessions.open_session(
                    user=person, kind=SessionKind.WEB, client=sessions.Client(), at=clock.now()
                )
            topics = {"room": SimpleNamespace(topic=topic)}
            self.hub.sockets.add(Seat(session.pk, person.pk, topics))  # type: ignore[arg-type]

    def _may(self, user: User, record: UUID | None) -> bool:
        self.asked.append(user.pk)
        return True

    async def judged(self) -> set[UUID]:
        """Judge what has changed; return who was asked about."""
        self.asked.clear()
        await judge_changed(self.hub)
        return set(self.asked)


async def test_only_those_whose_rights_changed_are_judged_again(world: World) -> None:
    people = [world.people[name] for name in ("ines", "mei", "mo", "ana")]
    room = await in_database(Room)(people)
    ines, mei, *_others = people
    assert await room.judged() == {person.pk for person in people}
    assert await room.judged() == set()
    await in_database(take_the_right)(ines)
    assert await room.judged() == {ines.pk}
    await in_database(give_it_back)(ines)
    assert await room.judged() == {ines.pk}
    await in_database(revoke)(mei)
    assert await room.judged() == set()
    assert [one.code for one in room.hub.sockets if one.person == mei.pk] == [4401]  # type: ignore[attr-defined]


def test_what_changed_is_read_in_one_query(world: World) -> None:
    ines, mei = world.people["ines"], world.people["mei"]
    before = rights_state()
    take_the_right(ines)
    with acting(by=mei, reason="test"):
        User.objects.filter(pk=mei.pk).update(session_version=2)
    with CaptureQueriesContext(connection) as queries:
        changes = changes_since(before)
    assert len(queries) == 1
    assert changes == (rights_state(), {ines.pk, mei.pk})


def test_a_note_that_may_have_been_missed_concerns_everybody(world: World) -> None:
    count, newest = rights_state()
    take_the_right(world.people["ines"])
    # As if one with a lower number had committed since.
    assert changes_since((count - 1, newest)).people is None
    assert changes_since(None).people is None
    RightsChange.objects.create(noted_at=clock.now())
    assert changes_since((count, newest)).people is None
    RightsChange.objects.filter(people=None).delete()
    assert changes_since((count, newest)).people == {world.people["ines"].pk}


def test_what_changes_nobodys_rights_is_not_noted(world: World) -> None:
    before = rights_state()
    mo, ana = world.people["mo"], world.people["ana"]
    with acting(by=mo, reason="test"):
        Session.objects.filter(user=mo).update(user_agent="another")
        User.objects.filter(pk=mo.pk).update(display_name="Another")
    take_the_right(ana)  # who has no such right
    assert rights_state() == before
