"""What records tell, made ready to be published; what cannot be told is stepped over.

A record that nobody can read or encode must not stop the others, nor hold them up. It is counted
and logged, and whoever watches its topics fetches them anew.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar
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

Found = TypeVar("Found")


class Told(NamedTuple):
    """A telling with its data as JSON."""

    telling: Telling
    data: bytes


class Gathered(NamedTuple):
    """What can be told of records, and the topics that miss something."""

    told: list[Told]
    topics: set[str]


class Lost(NamedTuple):
    """Of what nothing can be read or told, and why."""

    keys: Sequence[Any]
    error: Exception


def apart(
    keys: Sequence[Any], read: Callable[[Sequence[Any]], Found]
) -> tuple[list[Found], list[Lost]]:
    """Return what `read` finds of keys, in as many parts as it takes, and what keeps it from more.

    Where nothing is wrong that is one part. Raises: what a database that is away raises.
    """
    found, lost = list[Found](), list[Lost]()
    parts = [keys]
    while parts:
        part = parts.pop()
        try:
            found.append(read(part))
        except Exception as error:
            if not _is_of_a_record(error):
                raise
            if len(part) > 1 and len(lost) < MOST_LOOKED_FOR:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                lost.append(Lost(part, error))
    return found, lost


def gather(resource: str, records: Sequence[UUID]) -> Gathered:
    """Return what can be told of records of a resource; the others are stepped over."""

    def read(some: Sequence[UUID]) -> list[Told]:
        return [Told(one, msgspec.json.encode(one.data)) for one in tellings(resource, some)]

    parts, lost = apart(records, read)
    for keys, error in lost:
        step_over(resource, keys, error)
    topics = topics_of(resource, [key for keys, _ in lost for key in keys]) if lost else set[str]()
    return Gathered([told for part in parts for told in part], topics)


def gather_each(
    resource: str, rows: Iterable[Any], tell: Callable[[Any], dict[str, Any]]
) -> tuple[list[tuple[Any, dict[str, Any]]], list[Any]]:
    """Return rows with what is told of each, and those of which nothing can be told."""
    told, lost = [], []
    for row in rows:
        try:
            data = tell(row)
            msgspec.json.encode(data)
        except Exception as error:
            if not _is_of_a_record(error):
                raise
            step_over(resource, [row.pk], error)
            lost.append(row)
        else:
            told.append((row, data))
    return told, lost


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


def step_over(resource: str, records: Sequence[Any], error: Exception) -> None:
    """Count and log what cannot be told."""
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
