"""Sockets are judged again: whenever rights or sessions changed, and when the clock ends something.

A socket lives as long as its session and has a topic as long as its person may have it. Changes are
noted by triggers in the transaction that makes them (`accounts_rightschange`); what ends by the
clock alone is known when it is judged.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, connection

from portal.access.scoping import next_turns
from portal.accounts.models import Session, User
from portal.accounts.services.sessions import check_session
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.live.broadcast import Rights
from portal.live.services import connections
from portal.live.topics import Topic, TopicKind

if TYPE_CHECKING:
    from portal.live.hub import Hub, Socket

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
# What ends by the clock (a session, an assignment, a share) must show within five seconds; and
# nobody waits longer for a notice that nothing hurried.
ROUND_POLLS = 3
# What an administrator sees of a socket is written down when it opens, and every so often.
TELL_POLLS = 10
# After the layer has connected again, it takes a moment to be in all its groups.
SETTLE_SECONDS = 0.5


async def watch(hub: "Hub") -> None:
    """Look for what concerns the sockets, for ever."""
    turn, seen, told = 0, _reconnections(), set[UUID]()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        turn += 1
        try:
            if seen != _reconnections():
                seen = _reconnections()
                await asyncio.sleep(SETTLE_SECONDS)
                hub.refresh()
            state, asked = await _apart(_look)(hub.process)
            for socket in [socket for socket in hub.sockets if socket.id in asked]:
                socket.end(4401)
            if state != hub.judged:
                await judge_changed(hub)
            elif turn % ROUND_POLLS == 0:
                await _judge_due(hub)
            if turn % ROUND_POLLS == 0:
                await _find_missed(hub)
            told = await _tell(hub, told, everybody=turn % TELL_POLLS == 0)
        except (DatabaseError, InterfaceError) as error:
            # Nothing new reaches a socket while the database is away: updates are read from it.
            log.warning("live_watch_failed", error=type(error).__name__)


async def judge_changed(hub: "Hub") -> None:
    """Close the sockets whose session ended and end the topics that may no longer be had.

    Only those are asked about whose rights or sessions were noted since the last time; everybody
    where a note may have been missed.
    """
    async with hub.verdicts:
        changes: Changes = await _apart(changes_since)(hub.judged)
        concerned = [
            socket
            for socket in hub.sockets
            if changes.people is None or socket.person in changes.people
        ]
        if concerned:
            await _judge(hub, concerned)
        hub.judged = changes.rights


class Changes(NamedTuple):
    """The state of rights, and whose changed before it was reached; None: perhaps anybody's."""

    rights: Rights
    people: frozenset[UUID] | None


def changes_since(judged: Rights | None) -> Changes:
    """Return what has changed since a state of rights. One query.

    A note that was numbered before the newest known one and committed after it cannot be told from
    the rest, notes that were tidied away are gone, and one without people names nobody: then it may
    have been anybody.
    """
    count, newest = judged or (0, 0)
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, {"newest": newest})
        count_now, newest_now, new, people = cursor.fetchone() or (0, 0, 0, None)
    rights = (int(count_now), int(newest_now))
    is_whole = judged is not None and count_now - count == new
    return Changes(rights, frozenset(people or ()) if is_whole else None)


_CHANGES = """
SELECT count(*), coalesce(max(id), 0),
       count(people) FILTER (WHERE id > %(newest)s),
       (SELECT array_agg(DISTINCT person)
        FROM accounts_rightschange c, unnest(c.people) AS person WHERE c.id > %(newest)s)
FROM accounts_rightschange
"""


def rights_state() -> Rights:
    """Return what changes whenever rights or sessions change.

    The count is there because a note may be numbered before another and commit after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), coalesce(max(id), 0) FROM accounts_rightschange")
        count, newest = cursor.fetchone() or (0, 0)
    return int(count), int(newest)


def _apart(work: Any) -> Any:
    # In a thread of its own: judging does not wait for those who sign in or subscribe.
    return database_sync_to_async(work, thread_sensitive=False)


def _reconnections() -> int:
    return int(getattr(get_channel_layer(), "reconnections", 0))


def _look(process: UUID) -> tuple[Rights, set[UUID]]:
    return rights_state(), connections.to_be_closed(process)


# --- judging --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Verdict:
    ended: set[UUID] = field(default_factory=set)
    lost: dict[UUID, list[Topic]] = field(default_factory=lambda: defaultdict(list))
    until: dict[UUID, datetime] = field(default_factory=dict)


async def _judge_due(hub: "Hub") -> None:
    """Judge those for whom the clock may have ended something."""
    now = clock.now()
    async with hub.verdicts:
        due = [
            socket
            for socket in hub.sockets
            if socket.judged_until is None
            or socket.judged_until <= now
            or any(one.topic.kind.is_volatile for one in socket.topics.values())
        ]
        if due:
            await _judge(hub, due)


async def _judge(hub: "Hub", sockets: list["Socket"]) -> None:
    verdict: _Verdict = await _apart(_verdict)(
        [
            (socket.id, socket.session, [one.topic for one in socket.topics.values()])
            for socket in sockets
        ]
    )
    for socket in sockets:
        if socket.id in verdict.ended:
            socket.end(4401)
            continue
        socket.judged_until = verdict.until[socket.id]
        for topic in verdict.lost.get(socket.id, ()):
            hub.unsubscribe(socket, topic.name)
            socket.lose(topic)


def _verdict(held: list[tuple[UUID, UUID, list[Topic]]]) -> _Verdict:
    verdict = _Verdict()
    now = clock.now()
    sessions = Session.objects.select_related("user").in_bulk({one[1] for one in held})
    turns = next_turns({session.user_id for session in sessions.values()}, now)
    people: dict[UUID, User] = {}
    verdicts: dict[tuple[UUID, str], bool] = {}
    for socket, session_id, topics in held:
        try:
            session = check_session(sessions.get(session_id), now)
        except NotAuthenticated:
            verdict.ended.add(socket)
            continue
        user = people.setdefault(session.user_id, session.user)
        turn = turns.get(user.pk)
        verdict.until[socket] = min(session.expires_at, turn or session.expires_at)
        for topic in topics:
            key = (user.pk, topic.name)
            if key not in verdicts:
                verdicts[key] = topic.kind.may(user, topic.record)
            if not verdicts[key]:
                verdict.lost[socket].append(topic)
    return verdict


# --- notices that nothing hurried -----------------------------------------------------------------


async def _find_missed(hub: "Hub") -> None:
    """Hurry whoever has not been sent the newest of a topic whose numbers have no gaps."""
    held = hub.personal()
    people: dict[TopicKind, set[UUID]] = defaultdict(set)
    for one in held:
        people[one.topic.kind].add(one.socket.person)
    if not people:
        return
    newest = await _apart(_newest)(people)
    for one in held:
        found = newest.get((one.topic.kind, one.socket.person), 0)
        if one.position is not None and found > one.position:
            hub.hurry(one)


def _newest(people: dict[TopicKind, set[UUID]]) -> dict[tuple[TopicKind, UUID], int]:
    return {
        (kind, person): number
        for kind, some in people.items()
        for person, number in _positions(kind, some).items()
    }


def _positions(kind: TopicKind, people: Collection[UUID]) -> dict[UUID, int]:
    if kind.positions is not None:
        return dict(kind.positions(people))
    assert kind.position is not None
    users = User.objects.in_bulk(people)
    return {person: kind.position(user) for person, user in users.items()}


# --- what an administrator sees -------------------------------------------------------------------


async def _tell(hub: "Hub", told: set[UUID], *, everybody: bool) -> set[UUID]:
    """Write down the sockets that opened, forget those that closed; return whom was told of."""
    sockets = list(hub.sockets)
    now = {socket.id for socket in sockets}
    rows = [socket.told() for socket in sockets if everybody or socket.id not in told]
    if rows or told - now or everybody:
        beyond = await _apart(connections.tell)(
            process=hub.process, rows=rows, gone=told - now, at=clock.now()
        )
        for socket in sockets:
            if socket.id in beyond:
                socket.end(4409)
    return now
