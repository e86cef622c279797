"""Who is next: the rungs of a ladder and whom they name, asked of the app that holds them.

Where a trial has no ladder of its own, the usual one stands, so that safety works from the first
day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from portal.notices.vocabulary import LadderKind, Who

# Whoever is named last is told again, at most this seldom, until somebody acknowledges.
LAST_RUNG_REPEATS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rung:
    """Whom to tell, how long to wait for them, and how often to tell them again meanwhile."""

    who: Who
    wait_minutes: int
    repeat_every_minutes: int = 0
    most_repeats: int = 0


USUAL: Mapping[LadderKind, tuple[Rung, ...]] = {
    LadderKind.MEDICAL: (
        Rung(Who.ON_CALL, 15, 5, 2),
        Rung(Who.SECOND_ON_CALL, 15, 5, 2),
        Rung(Who.PRINCIPAL_INVESTIGATOR, 15, 5, 2),
        Rung(Who.MEDICAL_MONITOR, 30, 15, 8),
    ),
    LadderKind.REGULATORY: (
        Rung(Who.SAFETY_TEAM, 60, 20, 2),
        Rung(Who.DEPUTIES, 60, 30, 8),
    ),
}


class Provider(Protocol):
    """What the app that holds ladders and rosters answers."""

    def rungs(self, kind: LadderKind, trial: UUID, site: UUID | None) -> Sequence[Rung]:
        """Return the rungs of a place, none where it has no ladder of its own."""

    def people(self, who: Who, trial: UUID, site: UUID | None, at: datetime) -> set[UUID]:
        """Return whom a rung names at a place, then."""


_PROVIDERS: list[Provider] = []


def provide(provider: Provider) -> None:
    """Register the app that holds ladders and rosters."""
    _PROVIDERS[:] = [provider]


def rungs(kind: LadderKind, trial: UUID, site: UUID | None) -> Sequence[Rung]:
    """Return the rungs in force at a place."""
    own = _PROVIDERS[0].rungs(kind, trial, site) if _PROVIDERS else ()
    return own or USUAL[kind]


def people(who: Who, trial: UUID, site: UUID | None, at: datetime) -> set[UUID]:
    """Return whom a rung names at a place, then."""
    return _PROVIDERS[0].people(who, trial, site, at) if _PROVIDERS else set()


@dataclass(frozen=True, slots=True)
class Next:
    """The step after one that was done."""

    rung: int
    round: int
    due_at: datetime


def next_step(
    rungs: Sequence[Rung],
    *,
    rung: int,
    round: int,
    rung_began_at: datetime,
    at: datetime,
    is_anybody_told: bool,
) -> Next:
    """Return what follows a step that was done at `at`, unless somebody acknowledges.

    A rung that names nobody is not waited for. The last rung goes on until somebody has it.
    """
    here = rungs[min(rung, len(rungs) - 1)]
    is_last = rung >= len(rungs) - 1
    ends_at = rung_began_at + timedelta(minutes=here.wait_minutes)
    if not is_last and not is_anybody_told:
        return Next(rung + 1, 0, at)
    repeat = timedelta(minutes=here.repeat_every_minutes)
    if repeat and round < here.most_repeats and (is_last or at + repeat < ends_at):
        return Next(rung, round + 1, at + repeat)
    if is_last:
        return Next(rung, round + 1, at + max(repeat, LAST_RUNG_REPEATS))
    return Next(rung + 1, 0, max(ends_at, at))
