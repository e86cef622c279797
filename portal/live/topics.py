"""Topics: what can be subscribed to, by whom, and what a new subscriber is shown first.

An app offers its topics in its own `topics` module. The same scope decides as everywhere else. A
topic of a record that is out of scope is refused in the words of one that never was.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from portal.access.permissions import Permission
from portal.accounts.models import User

UUID_FORM = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LONGEST_NAME = 100


class Snapshot(NamedTuple):
    """What a new subscriber is shown, and what stands but cannot be told, by name."""

    data: Sequence[Mapping[str, Any]]
    untold: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class TopicKind:
    """A family of topics, such as `site.<id>.vitals`.

    `may` tells whether a person may have the topic of a record now (None for the family's only
    topic, that of the person). `snapshot` returns the data of a snapshot, `replay` the updates
    after a sequence as (sequence, kind, data), or None when that is too old to replay.
    """

    form: str
    may: Callable[[User, UUID | None], bool]
    snapshot: Callable[[User, UUID | None], Snapshot] | None = None
    # Where its person holds this is all of theirs that a snapshot depends on: whoever holds it at
    # the same places is shown the same. None: everybody is shown their own.
    same_for: Permission | None = None
    replay: Callable[[User, int], Sequence[tuple[int, str, Any]] | None] | None = None
    # Where the sequence stands that `replay` counts from; `positions` tells it of many people at
    # once, so that a notice is found even when nothing hurried it.
    position: Callable[[User], int] | None = None
    positions: Callable[[Collection[UUID]], Mapping[UUID, int]] | None = None
    # Told what was handed to an open socket, as (person, sequence).
    delivered: Callable[[Collection[tuple[UUID, int]]], None] | None = None
    # The person's own: each has a group of their own under the same name.
    is_personal: bool = False
    # May change without the index of rights changing (a patient who is transferred).
    is_volatile: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as a person has it."""

    name: str
    kind: TopicKind
    record: UUID | None
    group: str


@dataclass(slots=True)
class _Registry:
    kinds: dict[str, tuple[re.Pattern[str], TopicKind]] = field(default_factory=dict)


_REGISTRY = _Registry()


def offer(kind: TopicKind) -> TopicKind:
    """Register a family of topics; `<id>` in its form stands for the id of a record."""
    pattern = re.escape(kind.form).replace(re.escape("<id>"), f"({UUID_FORM})")
    _REGISTRY.kinds[kind.form] = (re.compile(pattern), kind)
    return kind


def kinds() -> list[TopicKind]:
    """Return every family that is offered."""
    return [kind for _pattern, kind in _REGISTRY.kinds.values()]


def find(name: str, user: UUID) -> Topic | None:
    """Return the topic of that name as `user` has it, or None when there is no such family."""
    if len(name) > LONGEST_NAME:
        return None
    for pattern, kind in _REGISTRY.kinds.values():
        match = pattern.fullmatch(name)
        if match:
            record = UUID(match.group(1)) if match.groups() else None
            return Topic(name, kind, record, group(name, user if kind.is_personal else None))
    return None


def group(name: str, user: UUID | None = None) -> str:
    """Return the channel layer's name of a topic: made here, never a client's text."""
    whole = name if user is None else f"{name}/{user}"
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
