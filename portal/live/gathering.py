"""What records tell, made ready to be published; what cannot be told is stepped over.

A record that nobody can read or encode must not stop the others, nor hold them up. It is counted
and logged, and whoever watches its topics fetches them anew.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import structlog
from django.db import DataError, Error

from portal.core.failures import describe
from portal.live.sources import Telling, concerned, tellings
from portal.ops.broker import count_stepped_over

log = structlog.get_logger(__name__)

# Those that cannot be told are looked for one by one; after so many, what holds another is left.
MOST_LOOKED_FOR = 20
_MOST_NAMED = 10


class Told(NamedTuple):
    """A telling with its data as JSON."""

    telling: Telling
    data: bytes


class Gathered(NamedTuple):
    """What can be told of records, and the topics that miss something."""

    told: list[Told]
    topics: set[str]


def gather(resource: str, records: Sequence[UUID]) -> Gathered:
    """Return what records of a resource tell. Raises: what a database that is away raises."""
    told, lost = list[Told](), list[UUID]()
    parts = [records]
    while parts:
        part = parts.pop()
        try:
            told += [Told(one, msgspec.json.encode(one.data)) for one in tellings(resource, part)]
        except Exception as error:
            if not _is_of_a_record(error):
                raise
            if len(part) > 1 and len(lost) < MOST_LOOKED_FOR:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            lost += part
            _step_over(resource, part, error)
    return Gathered(told, topics_of(resource, lost) if lost else set())


def gather_each(
    resource: str, rows: Iterable[Any], tell: Callable[[Any], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return what is told of each of the rows that a snapshot read."""
    told = []
    for row in rows:
        try:
            data = tell(row)
            msgspec.json.encode(data)
        except Exception as error:
            if not _is_of_a_record(error):
                raise
            _step_over(resource, [row.pk], error)
        else:
            told.append(data)
    return told


def gather_after(
    topics: str, replay: Callable[[], Sequence[tuple[int, str, Any]] | None]
) -> Sequence[tuple[int, str, bytes]] | None:
    """Return what a topic without gaps replays; None when it is too old or cannot be told."""
    try:
        rows = replay()
        return rows and [(number, kind, msgspec.json.encode(data)) for number, kind, data in rows]
    except Exception as error:
        if not _is_of_a_record(error):
            raise
        log.error("live_replay_failed", topics=topics, error=describe(error))
        count_stepped_over(topics, 1)
        return None


def topics_of(resource: str, records: Sequence[UUID]) -> set[str]:
    """Return the topics that records concern. Raises: what a database that is away raises."""
    try:
        return concerned(resource, records)
    except Exception as error:
        if not _is_of_a_record(error):
            raise
        log.error("live_topics_unknown", resource=resource, error=describe(error))
        return set()


def _step_over(resource: str, records: Sequence[UUID], error: Exception) -> None:
    log.error(
        "live_records_stepped_over",
        resource=resource,
        records=[str(record) for record in records[:_MOST_NAMED]],
        count=len(records),
        error=describe(error),
    )
    count_stepped_over(resource, len(records))


def _is_of_a_record(error: Exception) -> bool:
    """Whether asking again ends the same way, because of what a record holds."""
    return isinstance(error, DataError) or not isinstance(error, Error | psycopg.Error | OSError)
