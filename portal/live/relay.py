"""The relay: what was committed goes to the topics, read once and encoded once.

One relay is active (advisory lock), others stand by. It forgets a pending update only after it was
published: a relay that dies in between publishes it again, under the same reading and version. A
record that cannot be told is stepped over (portal.live.gathering).
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from portal.core import clock
from portal.core.failpoints import failpoint
from portal.live import messages, topics
from portal.live.broadcast import Published, Rights, broadcast
from portal.live.gathering import gather, topics_of
from portal.live.models import PendingUpdate
from portal.live.sources import PACED, Telling
from portal.ops.health import own_connection_parameters

log = structlog.get_logger(__name__)

CHANNEL = "live"
BATCH = 200
PACED_BATCH = 5000
POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
_ACTIVE_LOCK = 0x11FE_0001
# What waited for longer (no relay ran) is not told one by one.
KEPT = timedelta(minutes=10)


@dataclass(slots=True)
class Batch:
    """Pending updates as they will be published."""

    numbers: list[int]
    updates: list[Published]
    rights: Rights


class Relay:
    """Publishes pending updates, in the order of their numbers."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._paced: dict[str, float] = {}

    async def publish_pending(self) -> int:
        """Publish everything pending and return how many updates that were.

        Raises: what the broker or the database raises; nothing is forgotten then.
        """
        count = 0
        while True:
            batch = await database_sync_to_async(self._read)(clock.now())
            if batch is None:
                return count
            failpoint("live.before_publish")
            await broadcast(batch.updates, batch.rights)
            failpoint("live.after_publish")
            await database_sync_to_async(_forget)(batch.numbers)
            count += len(batch.updates)
            if len(batch.numbers) < BATCH:
                # What was committed since has sent a notification of its own.
                return count

    def _due(self) -> list[str]:
        """Return the paced resources whose time has come again."""
        now = time.monotonic()
        due = [
            name for name, every in PACED.items() if now - self._paced.get(name, -every) >= every
        ]
        self._paced |= dict.fromkeys(due, now)
        return due

    def _read(self, at: datetime) -> Batch | None:
        pending = PendingUpdate.objects.order_by("id")
        rows = list(pending.exclude(resource__in=PACED)[:BATCH])
        due = self._due()
        if due:
            rows += pending.filter(resource__in=due)[:PACED_BATCH]
        if not rows:
            return None
        told, anew = _gathered(rows, at)
        # Read last: a right that was lost before these records were stored is known to be lost.
        numbers, rights = _numbers_and_rights(
            sum(one.sequence is None for one, _, _ in told) + len(anew)
        )
        given = iter(numbers)
        updates = []
        for topic in anew:
            group, number = topics.group(topic), next(given)
            text = messages.encode({"type": "resync", "topic": topic})
            updates.append(Published(group, text, None, number, self._last.get(group)))
            self._last[group] = number
        for one, topic, data in told:
            group = topics.group(topic, one.person)
            if one.sequence is None:
                number, previous = next(given), self._last.get(group)
                self._last[group] = number
            else:
                number, previous = one.sequence, one.sequence - 1
            text = messages.encode(
                messages.update(topic=topic, sequence=number, kind=one.kind, data=data, sent_at=at)
            )
            updates.append(Published(group, text, one.key, number, previous, one.is_change))
        return Batch([row.pk for row in rows], updates, rights)


def _gathered(
    rows: Iterable[PendingUpdate], at: datetime
) -> tuple[list[tuple[Telling, str, bytes]], set[str]]:
    """Return what rows tell with each topic that is told, and the topics to be fetched anew."""
    news, late = defaultdict[str, list[UUID]](list), defaultdict[str, list[UUID]](list)
    for row in rows:
        # Too late to be news: whoever has watched all the while fetches the topic anew.
        (late if row.created_at < at - KEPT else news)[row.resource].extend(row.records)
    told, anew = [], set[str]()
    for resource, records in news.items():
        gathered = gather(resource, records)
        told += [(one, topic, data) for one, data in gathered.told for topic in one.topics]
        anew |= gathered.topics
    for resource, records in late.items():
        anew |= topics_of(resource, records)
    return told, anew


def _numbers_and_rights(count: int) -> tuple[list[int], Rights]:
    """Return new numbers of the live sequence and the state of rights, in one round trip."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ARRAY(SELECT nextval('public.live_sequence') FROM generate_series(1, %s)), "
            "count(*), coalesce(max(id), 0) FROM accounts_rightschange",
            [count],
        )
        numbers, changes, newest = cursor.fetchone() or ([], 0, 0)
    return list(numbers), (int(changes), int(newest))


def _forget(numbers: list[int]) -> None:
    PendingUpdate.objects.filter(pk__in=numbers).delete()


async def run(stopped: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Publish until `stopped`; a database or broker that is away is waited for."""
    while not stopped.is_set():
        try:
            await _run_connected(stopped, ready)
        except (psycopg.Error, DatabaseError, InterfaceError, RedisError, OSError) as error:
            log.warning("live_relay_waits", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), RETRY_SECONDS)


async def _run_connected(stopped: asyncio.Event, ready: Callable[[], None]) -> None:
    async with await psycopg.AsyncConnection.connect(**own_connection_parameters()) as own:
        while not stopped.is_set():
            row = await (
                await own.execute("SELECT pg_try_advisory_lock(%s)", [_ACTIVE_LOCK])
            ).fetchone()
            if row and row[0]:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), POLL_SECONDS)
        await own.execute(f"LISTEN {CHANNEL}")
        ready()
        relay = Relay()
        while not stopped.is_set():
            await relay.publish_pending()
            async for _notification in own.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass
