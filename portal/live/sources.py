"""Where the data of an update comes from: each app says what its records tell to which topics."""

from collections.abc import Callable, Sequence
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


Source = Callable[[Sequence[UUID]], list[Telling]]
_SOURCES: dict[str, Source] = {}
# Resources that are told of at most so often (seconds), whatever comes in between at once.
PACED: dict[str, float] = {}


def tells(resource: str, *, every_seconds: float = 0) -> Callable[[Source], Source]:
    """Register who tells of the records of a resource, given their ids.

    With `every_seconds` what came meanwhile is given together, and no more often.
    """

    def register(function: Source) -> Source:
        _SOURCES[resource] = function
        if every_seconds:
            PACED[resource] = every_seconds
        return function

    return register


def tellings(resource: str, records: Sequence[UUID]) -> list[Telling]:
    """Return what records tell; of a resource that nobody tells of, nothing."""
    source = _SOURCES.get(resource)
    return source(records) if source else []
