"""Sockets are judged again: whenever rights or sessions changed, and every few seconds anyway.

A socket lives as long as its session and has a topic as long as its person may have it. Changes are
noted by triggers in the transaction that makes them (`accounts_rightschange`); what ends by the
clock alone is found by the regular round.
"""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError, connection

from portal.accounts.models import Session, User
from portal.accounts.services.sessions import check_session
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.live.broadcast import Rights
from portal.live.services import connections
from portal.live.topics import Topic

if TYPE_CHECKING:
    from portal.live.hub import Hub, Socket

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
# What ends by the clock (a session, an assignment, a share) must show within five seconds.
ROUND_POLLS = 3


async def watch(hub: "Hub") -> None:
    """Look for changes of rights, for ever; judge everybody now and then."""
    turn = 0
    while True:
        await asyncio.sleep(POLL_SECONDS)
        turn += 1
        try:
            state = await database_sync_to_async(rights_state)()
            if state != hub.judged or turn % ROUND_POLLS == 0:
                await judge_all(hub)
            await _tell(hub)
        except (DatabaseError, InterfaceError) as error:
            # Nothing new reaches a socket while the database is away: updates are read from it.
            log.warning("live_watch_failed", error=type(error).__name__)


async def judge_all(hub: "Hub") -> None:
    """Close the sockets whose session ended and end the topics that may no longer be had."""
    sockets = list(hub.sockets)
    held = {socket: list(socket.topics.values()) for socket in sockets}
    state, ended, lost = await database_sync_to_async(_judge)(
        [(socket.id, session_of(socket), held[socket]) for socket in sockets]
    )
    for socket in sockets:
        if socket.id in ended:
            socket.end(4401)
            continue
        for topic in lost.get(socket.id, ()):
            await hub.unsubscribe(socket, topic)
            socket.lose(topic)  # type: ignore[attr-defined]
    hub.judged = state


def session_of(socket: "Socket") -> UUID:
    """Return the session on which a socket was opened."""
    found: UUID = socket.session  # type: ignore[attr-defined]
    return found


def rights_state() -> Rights:
    """Return what changes whenever rights or sessions change.

    The count is there because a note may be numbered before another and commit after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), coalesce(max(id), 0) FROM accounts_rightschange")
        count, newest = cursor.fetchone() or (0, 0)
    return int(count), int(newest)


def _judge(
    held: list[tuple[UUID, UUID, list[Topic]]],
) -> tuple[Rights, set[UUID], dict[UUID, list[Topic]]]:
    # Read first: a change that commits while we judge is then judged once more.
    state = rights_state()
    now = clock.now()
    wanted = {session for _socket, session, _topics in held}
    sessions = Session.objects.select_related("user").in_bulk(wanted)
    ended: set[UUID] = set()
    lost: dict[UUID, list[Topic]] = defaultdict(list)
    people: dict[UUID, User] = {}
    verdicts: dict[tuple[UUID, str], bool] = {}
    for socket, session_id, topics in held:
        try:
            session = check_session(sessions.get(session_id), now)
        except NotAuthenticated:
            ended.add(socket)
            continue
        user = people.setdefault(session.user_id, session.user)
        for topic in topics:
            key = (user.pk, topic.name)
            if key not in verdicts:
                verdicts[key] = topic.kind.may(user, topic.record)
            if not verdicts[key]:
                lost[socket].append(topic)
    return state, ended, lost


async def _tell(hub: "Hub") -> None:
    rows: list[dict[str, Any]] = [socket.told() for socket in hub.sockets]  # type: ignore[attr-defined]
    asked = await database_sync_to_async(connections.tell)(
        process=hub.process, rows=rows, at=clock.now()
    )
    for socket in list(hub.sockets):
        if socket.id in asked:
            socket.end(4401)
