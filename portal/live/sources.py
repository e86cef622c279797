"""Where the data of an update comes from: each app says what its records tell to which topics."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID


class Telling(NamedTuple):
    """What one record tells: the topics by name, the kind, the data, and what it joins with.

    Of a personal topic: whose it is, and the record's own number in that person's gapless sequence;
    `is_change` tells a number again whose record has changed.
    """

    topics: Sequence[str]
    kind: str
    data: Any
    key: str | None = None
    person: UUID | None = None
    sequence: int | None = None
    is_change: bool = False


Tell = Callable[[Sequence[UUID]], list[Telling]]
# The names of the topics that records concern, found without reading what they tell.
Concerned = Callable[[Sequence[UUID]], Iterable[str]]


class Source(NamedTuple):
    """Who tells of the records of a resource, and which topics miss them when that fails."""

    tell: Tell
    topics: Concerned | None


_SOURCES: dict[str, Source] = {}
# Resources that are told of at most so often (seconds), whatever comes in between at once.
PACED: dict[str, float] = {}


def tells(
    resource: str, *, topics: Concerned | None = None, every_seconds: float = 0
) -> Callable[[Tell], Tell]:
    """Register who tells of the records of a resource, given their ids.

    With `every_seconds` what came meanwhile is given together, and no more often. `topics` are
    those that fetch anew when a record cannot be told; none where numbers have no gaps, since
    there a record that was not told is missed.
    """

    def register(function: Tell) -> Tell:
        _SOURCES[resource] = Source(function, topics)
        if every_seconds:
            PACED[resource] = every_seconds
        return function

    return register


def tellings(resource: str, records: Sequence[UUID]) -> list[Telling]:
    """Return what records tell; of a resource that nobody tells of, nothing."""
    source = _SOURCES.get(resource)
    return source.tell(records) if source else []


def concerned(resource: str, records: Sequence[UUID]) -> set[str]:
    """Return the topics that records concern, whatever they tell."""
    source = _SOURCES.get(resource)
    return set(source.topics(records)) if source and source.topics else set()
