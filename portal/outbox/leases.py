"""The statements of the queue: lease, start, receipt, failure. One each for a whole chunk.

The database's clock alone decides what is due. The end of a lease is its token: all rows leased or
started by one statement carry the same instant, and whoever comes with another one (a message
delivered twice, a worker that was slow) holds nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from portal.outbox.kinds import Kind, Lane
from portal.outbox.message import Message
from portal.outbox.registry import HANDLERS

log = structlog.get_logger(__name__)

CHUNK = 100
# A chunk that was sent and not started by then was lost, or nobody works.
SENT_SECONDS = 15
# A chunk that was started keeps its rows locked while it runs: this counts once its process died.
STARTED_SECONDS = 30
MOST_ATTEMPTS = 8
# Starts that were never ended, neither well nor badly: the process died of them.
MOST_UNENDED = 3
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 3600

DIED = "the process that ran it ended"

_TABLE = "outbox_outboxdelivery"
_STARTED_UNENDED = "(d.attempts > 0 AND d.last_error = '')"
_IS_DUE = (
    "d.state = 'pending' AND d.due_at <= statement_timestamp() - %(overdue)s * interval '1 s' "
    "AND (d.leased_until IS NULL "
    "OR d.leased_until <= statement_timestamp() - %(overdue)s * interval '1 s')"
)
# An older delivery that waits or died holds up what follows it under the same key.
_IS_FIRST = (
    f"(NOT d.is_ordered OR NOT EXISTS (SELECT FROM {_TABLE} AS older "
    "WHERE older.is_ordered AND older.handler = d.handler "
    "AND older.ordering_key = d.ordering_key AND older.id < d.id "
    "AND older.state IN ('pending', 'dead')))"
)
_LEASE = (
    "WITH due AS MATERIALIZED (SELECT d.id, d.handler, d.attempts, "  # noqa: S608
    f"d.leased_until IS NOT NULL AND NOT {_STARTED_UNENDED} AS was_lost, "
    f"{_STARTED_UNENDED} OR d.last_error = %(died)s AS is_suspect FROM {_TABLE} AS d "
    f"WHERE d.lane = %(lane)s AND {_IS_DUE} AND {_IS_FIRST} "
    "ORDER BY d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED) "
    f"UPDATE {_TABLE} AS d SET "
    "leased_until = statement_timestamp() + %(seconds)s * interval '1 s', "
    f"last_error = CASE WHEN {_STARTED_UNENDED} THEN %(died)s ELSE d.last_error END "
    "FROM due WHERE d.id = due.id "
    "RETURNING due.id, due.handler, due.attempts, due.was_lost, due.is_suspect, d.leased_until"
)
_WHOLE = (
    "d.id, d.handler, d.message_id, d.kind, d.version, d.resource, d.record_id, "
    "d.ordering_key, d.trial_id, d.site_id, d.payload::text, d.created_at, d.attempts, "
    "d.leased_until"
)
_START = (
    f"UPDATE {_TABLE} AS d SET attempts = d.attempts + 1, last_error = '', "  # noqa: S608
    "leased_until = statement_timestamp() + %s * interval '1 s' "
    "WHERE d.id = ANY(%s) AND d.state = 'pending' AND d.leased_until = %s "
    f"RETURNING {_WHOLE}"
)
_RECEIPT = (
    f"UPDATE {_TABLE} SET state = 'done', finished_at = clock_timestamp(), "  # noqa: S608
    "leased_until = NULL WHERE id = ANY(%s) AND state = 'pending' AND leased_until = %s "
    "RETURNING id"
)
_FAILED = (
    f"UPDATE {_TABLE} SET leased_until = NULL, last_error = %s, "  # noqa: S608
    "state = CASE WHEN attempts >= %s THEN 'dead' ELSE 'pending' END, "
    "finished_at = CASE WHEN attempts >= %s THEN clock_timestamp() END, "
    "due_at = clock_timestamp() + (0.5 + random() / 2) * "
    "least(%s, %s * power(2, attempts - 1)) * interval '1 s' "
    "WHERE id = ANY(%s) AND state = 'pending' AND leased_until = %s RETURNING id, state"
)
_BURIED = (
    f"UPDATE {_TABLE} AS d SET state = 'dead', leased_until = NULL, "  # noqa: S608
    "finished_at = clock_timestamp(), last_error = %s "
    "WHERE d.id = ANY(%s) AND d.state = 'pending' AND d.leased_until = %s "
    f"RETURNING {_WHOLE}"
)
_GIVEN_BACK = (
    f"UPDATE {_TABLE} SET leased_until = NULL, attempts = attempts - 1, last_error = %s, "  # noqa: S608
    "due_at = clock_timestamp() + interval '1 s' "
    "WHERE id = ANY(%s) AND state = 'pending' AND leased_until = %s AND attempts > 0"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Deliveries of one handler under one lease."""

    handler: str
    lane: Lane
    ids: tuple[int, ...]
    token: datetime
    was_lost: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A delivery whose attempt is counted, under the lease of the run."""

    id: int
    handler: str
    kind: str
    version: int
    message: Message | None
    attempts: int
    token: datetime


def lease(
    lane: Lane, limit: int, *, seconds: float = SENT_SECONDS, overdue: float = 0
) -> list[Chunk]:
    """Lease due deliveries of a lane, oldest first, in chunks of one handler.

    What its process died of stands alone, since its neighbors must not die of it, and is buried
    when that has happened often enough. `overdue` leaves alone what became due, or whose lease
    ended, less than so many seconds ago.
    """
    given: dict[str, Any] = {
        "lane": int(lane),
        "limit": limit,
        "seconds": seconds,
        "overdue": overdue,
        "died": DIED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, given)
        rows = [_Leased(*row) for row in sorted(cursor.fetchall())]
    deadly = [row for row in rows if row.is_suspect and row.attempts >= MOST_UNENDED]
    if deadly:
        keys = [row.id for row in deadly]
        bury(keys, deadly[0].token, f"{DIED}, {deadly[0].attempts} times")
        log.error("deliveries_buried", deliveries=keys, error=DIED)
    return _chunks(lane, [row for row in rows if row not in deadly])


class _Leased(NamedTuple):
    id: int
    handler: str
    attempts: int
    was_lost: bool
    is_suspect: bool
    token: datetime


def _chunks(lane: Lane, rows: Sequence[_Leased]) -> list[Chunk]:
    """What failed before goes apart from what is new, so that it holds up less."""
    groups: dict[tuple[str, bool, bool, int], list[_Leased]] = {}
    for row in rows:
        alone = row.id if row.is_suspect else 0
        groups.setdefault((row.handler, row.was_lost, row.attempts > 0, alone), []).append(row)
    parts = [
        members[at : at + CHUNK]
        for members in groups.values()
        for at in range(0, len(members), CHUNK)
    ]
    return [
        Chunk(part[0].handler, lane, tuple(r.id for r in part), part[0].token, part[0].was_lost)
        for part in sorted(parts, key=lambda part: part[0].attempts > 0)
    ]


def start(ids: Sequence[int], token: datetime) -> list[Started]:
    """Count an attempt at what is still leased under `token`; return it under a new token.

    Committed by itself, before anything runs: a run that kills its process was counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_START, [STARTED_SECONDS, list(ids), token])
        rows = cursor.fetchall()
    return [_started(row) for row in sorted(rows, key=lambda row: int(row[0]))]


def receipt(started: Sequence[Started]) -> set[int]:
    """Mark as done, in the transaction of the effects; return what was still ours."""
    return _ids(_RECEIPT, [_keys(started), started[0].token])


def failed(started: Sequence[Started], error: str) -> int:
    """Let it wait, ever longer up to an hour, or die; return how many died."""
    waits = [LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS]
    given: list[Any] = [
        error,
        MOST_ATTEMPTS,
        MOST_ATTEMPTS,
        *waits,
        _keys(started),
        started[0].token,
    ]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_FAILED, given)
            dead = {row[0] for row in cursor.fetchall() if row[1] == "dead"}
        _tell([one for one in started if one.id in dead], error)
    return len(dead)


def bury(ids: Sequence[int], token: datetime, error: str) -> int:
    """Quarantine what nobody here can handle; return how many that were."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_BURIED, [error, list(ids), token])
            buried = [_started(row) for row in sorted(cursor.fetchall())]
        _tell(buried, error)
    return len(buried)


def _tell(dead: Sequence[Started], error: str) -> None:
    """Let handlers say on their own records that nobody tries any more. They keep nothing alive."""
    for one in dead:
        handler = HANDLERS.get(one.handler)
        if handler is None or handler.gave_up is None or one.message is None:
            continue
        try:
            with transaction.atomic():
                handler.gave_up([one.message], error)
        except Exception as failure:
            log.error("gave_up_not_told", delivery=one.id, error=type(failure).__name__)


def give_back(started: Sequence[Started], error: str) -> None:
    """Uncount the attempt: what failed was the database, not the handler."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN_BACK, [error, _keys(started), started[0].token])


def _keys(started: Sequence[Started]) -> list[int]:
    return [one.id for one in started]


def _ids(statement: str, given: Sequence[Any]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return {int(row[0]) for row in cursor.fetchall()}


def _started(row: tuple[Any, ...]) -> Started:
    key, handler, message_id, kind, version, resource, record_id, ordering_key, *rest = row
    trial_id, site_id, payload, created_at, attempts, token = rest
    message = None
    if kind in Kind._value2member_map_:
        message = Message(
            id=message_id,
            kind=Kind(kind),
            version=version,
            resource=resource,
            record_id=record_id,
            ordering_key=ordering_key,
            trial_id=trial_id,
            site_id=site_id,
            payload=json.loads(payload),
            created_at=created_at,
            attempt=attempts,
        )
    return Started(key, handler, kind, version, message, attempts, token)
