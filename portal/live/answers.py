"""What a subscriber hears first, and what it has missed: read for one person, as of now.

The rows are read first and the rights last: what was stored after a right was lost is never among
the rows of somebody who still seems to have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.access.permissions import Permission
from portal.access.scoping import Scope, scope
from portal.accounts.models import Session, User
from portal.accounts.services.sessions import check_session
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.live.gathering import gather_after
from portal.live.messages import update
from portal.live.topics import Topic


@dataclass(slots=True)
class Answer:
    """Messages, and the number that they lead to where numbers have no gaps."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    position: int | None = None


@dataclass(slots=True)
class Missed:
    """What a subscriber has missed, and the number that this leads to."""

    messages: list[dict[str, Any]]
    position: int
    has_more: bool = False


def answer(
    session: UUID, topic: Topic, after: int | None, at: datetime, others: Sequence[UUID] = ()
) -> tuple[Answer | None, list[bool]]:
    """Return what a new subscriber hears, or None when its person may not have the topic.

    And of others who subscribed to it before: whether they hear the same. They do where they hold,
    after it was read, what it was read with.
    """
    user = _person(session)
    found = _answer(user, topic, after, at) if user else None
    if user is None or found is None or not may(session, topic):
        return None, [False] * len(others)
    permission = topic.kind.same_for
    if permission is None:
        return found, [False] * len(others)
    held = scope(user, permission)
    return found, [_holds_the_same(one, topic, permission, held) for one in others]


def _answer(user: User, topic: Topic, after: int | None, at: datetime) -> Answer:
    kind = topic.kind
    found = Answer(position=kind.position(user) if kind.position else None)
    sequence = found.position or 0
    found.messages.append({"type": "subscribed", "topic": topic.name, "sequence": sequence})
    if kind.snapshot is not None:
        shown = kind.snapshot(user, topic.record)
        untold = {"untold": shown.untold} if shown.untold else {}
        message = {"type": "snapshot", "topic": topic.name, "data": shown.data}
        found.messages.append(message | untold)
    elif after is not None:
        rows = _replayed(topic, user, after) if after <= sequence else None
        found.messages += _told(topic, rows, at)
        if rows and found.position is not None:
            found.position = rows[-1][0]
    return found


def missed_by(session: UUID, topic: Topic, position: int) -> Missed:
    """Return what a subscriber of a topic without gaps has missed since `position`."""
    user, kind = _person(session), topic.kind
    assert kind.position is not None
    if user is None:
        return Missed([], position)
    newest = kind.position(user)
    rows = _replayed(topic, user, position) if newest > position else []
    reached = rows[-1][0] if rows else newest
    if not may(session, topic):
        return Missed([], position)
    return Missed(_told(topic, rows, clock.now()), reached, has_more=reached < newest)


def sequences_of(messages: Iterable[dict[str, Any]]) -> list[int]:
    """Return the numbers of the updates among messages."""
    return [message["sequence"] for message in messages if message["type"] == "update"]


def may(session: UUID, topic: Topic) -> bool:
    """Whether the person of a session that still counts may have a topic, as of now."""
    user = _person_now(session)
    return user is not None and topic.kind.may(user, topic.record)


def _holds_the_same(session: UUID, topic: Topic, permission: Permission, held: Scope) -> bool:
    user = _person_now(session)
    if user is None or scope(user, permission) != held:
        return False
    return topic.kind.may(user, topic.record)


def _person_now(session: UUID) -> User | None:
    """Return the person of a session that still counts, with what they hold as of now."""
    try:
        user: User = check_session(_session(session), clock.now()).user
    except NotAuthenticated:
        return None
    return user


def _session(session: UUID) -> Session | None:
    return Session.objects.select_related("user").filter(pk=session).first()


def _person(session: UUID) -> User | None:
    found = _session(session)
    return found.user if found else None


def _replayed(topic: Topic, user: User, after: int) -> Sequence[tuple[int, str, bytes]] | None:
    """Return what is after a number; None when it is fetched anew, since that cannot be told."""
    replay = topic.kind.replay
    return gather_after(topic.kind.form, lambda: replay(user, after)) if replay else None


def _told(
    topic: Topic, rows: Sequence[tuple[int, str, Any]] | None, at: datetime
) -> list[dict[str, Any]]:
    if rows is None:
        return [{"type": "resync", "topic": topic.name}]
    return [
        update(topic=topic.name, sequence=number, kind=kind, data=data, sent_at=at)
        for number, kind, data in rows
    ]
