"""The walk of a rule over one patient's values: what it remembers, and what breaches it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from msgspec import Struct

from patients.rules.risk.parameters import (
    Answer,
    Change,
    Jump,
    MissingDiaries,
    News2Band,
    Parameters,
    Threshold,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One value: when it was observed, when it came, what it says.

    `is_history`: it was there before the rule was; it is remembered and fires nothing.
    """

    at: datetime
    id: UUID
    value: Decimal | None
    received_at: datetime
    is_history: bool = False
    facts: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """A value that breaches a rule; `fires` when somebody must be told, not only the record."""

    seen: Seen
    fires: bool
    is_late: bool
    facts: dict[str, Any]


class Memory(Struct, omit_defaults=True):
    """What a rule remembers of a patient between two values. Quiet: nothing of note."""

    since: datetime | None = None
    fired_at: datetime | None = None
    fired_value: Decimal | None = None
    fired_late: bool = False
    recent: list[Decimal] = []
    baseline: list[Decimal] = []
    previous: Decimal | None = None
    previous_at: datetime | None = None
    in_a_row: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether no level is reached or left."""
        return self.since is None and self.fired_at is None


def needs_history(rule: Parameters) -> bool:
    """Whether a value cannot be judged without those before it."""
    if isinstance(rule, Change | Jump | MissingDiaries):
        return True
    return isinstance(rule, Threshold) and rule.median_of > 1


def is_met(rule: Parameters, value: Decimal | None) -> bool:
    """Whether a value alone reaches a level: what does not changes nothing for a quiet rule."""
    if isinstance(rule, Threshold):
        return value is not None and _beyond(rule.direction, value, rule.set)
    return True


def walk(
    rule: Parameters, series: Iterable[Seen], memory: Memory | None = None
) -> Iterator[Breach]:
    """Yield what breaches the rule in a series in its order; `memory` is changed on the way."""
    kept = Memory() if memory is None else memory
    for seen in series:
        breach = step(rule, kept, seen)
        if breach is not None:
            yield breach


def step(rule: Parameters, memory: Memory, seen: Seen) -> Breach | None:
    """Judge the next value and remember it."""
    match rule:
        case Threshold() | Change():
            return _level(rule, memory, seen)
        case News2Band():
            return _band(rule, memory, seen)
        case Jump():
            return _jump(rule, memory, seen)
        case MissingDiaries():
            return _missing(rule, memory, seen)
    return None if seen.is_history else _breach(rule, seen, fires=True)


def _level(rule: Threshold | Change, memory: Memory, seen: Seen) -> Breach | None:
    value = _judged(rule, memory, seen)
    if value is None or seen.is_history:
        return None
    if not _beyond(rule.direction, value, rule.set):
        memory.since = None
        if _beyond(_OPPOSITE[rule.direction], value, rule.reset):
            memory.fired_at = memory.fired_value = None
        return None
    memory.since = memory.since or seen.at
    if seen.at - memory.since < timedelta(minutes=rule.minimum_minutes):
        return None
    fires = _fires(rule, memory, seen, value)
    if fires:
        memory.fired_at, memory.fired_value = seen.at, value
        memory.fired_late = _is_late(rule, seen)
    facts: dict[str, Any] = {"judged": _plain(value), "set": _plain(rule.set)}
    if rule.minimum_minutes:
        facts["since"] = memory.since.isoformat()
    if isinstance(rule, Change):
        facts["baseline"] = _plain(_mean(memory.baseline))
    return _breach(rule, seen, fires=fires, **facts)


def _fires(rule: Threshold | Change, memory: Memory, seen: Seen, value: Decimal) -> bool:
    if memory.fired_at is None or memory.fired_value is None:
        return True
    if _is_late(rule, seen):
        return False
    if memory.fired_late:
        return True  # so far it was only reported late: now somebody must come
    if _is_due_again(rule.again_after_hours, memory.fired_at, seen.at):
        return True
    if rule.worse_by is None:
        return False
    worse_by = rule.worse_by if rule.direction == "above" else -rule.worse_by
    return _beyond(rule.direction, value, memory.fired_value + worse_by)


def _is_due_again(hours: int | None, fired_at: datetime, at: datetime) -> bool:
    return hours is not None and at - fired_at >= timedelta(hours=hours)


_OPPOSITE = {"above": "below", "below": "above"}


def _beyond(direction: str, value: Decimal, level: Decimal) -> bool:
    return value >= level if direction == "above" else value <= level


def _judged(rule: Threshold | Change, memory: Memory, seen: Seen) -> Decimal | None:
    """Return what is held against the level: filtered, and as a change where the rule asks."""
    value = seen.value
    if value is None:
        return None
    if rule.median_of > 1:
        memory.recent = [*memory.recent, value][-rule.median_of :]
        if len(memory.recent) < rule.median_of:
            return None
        value = Decimal(median(memory.recent))
    if isinstance(rule, Threshold):
        return value
    if len(memory.baseline) < rule.baseline_count:
        memory.baseline = [*memory.baseline, value]
        return None
    baseline = _mean(memory.baseline)
    if not rule.is_percent:
        return value - baseline
    return None if not baseline else (value - baseline) * 100 / baseline


def _mean(values: list[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def _band(rule: News2Band, memory: Memory, seen: Seen) -> Breach | None:
    if seen.value is None or seen.is_history:
        return None
    single = rule.single_three and dict(seen.facts).get("highest_points") == "3"
    if seen.value < rule.aggregate and not single:
        memory.fired_at = memory.fired_value = None
        return None
    if memory.fired_at is None or memory.fired_value is None:
        fires = True
    else:
        again = _is_due_again(rule.again_after_hours, memory.fired_at, seen.at)
        fires = (again or seen.value > memory.fired_value) and not _is_late(rule, seen)
    if fires:
        memory.fired_at, memory.fired_value = seen.at, seen.value
    return _breach(rule, seen, fires=fires, set=str(rule.aggregate))


def _jump(rule: Jump, memory: Memory, seen: Seen) -> Breach | None:
    if seen.value is None:
        return None
    before, before_at = memory.previous, memory.previous_at
    memory.previous, memory.previous_at = seen.value, seen.at
    if before is None or before_at is None or seen.is_history:
        return None
    is_near = seen.at - before_at <= timedelta(minutes=rule.within_minutes)
    if not is_near or abs(seen.value - before) < rule.limit:
        return None
    return _breach(
        rule, seen, fires=True, previous=_plain(before), previous_at=before_at.isoformat()
    )


def _missing(rule: MissingDiaries, memory: Memory, seen: Seen) -> Breach | None:
    """A value of 1 is a missed day, 0 one with a diary; None (excused) neither."""
    if seen.value is None:
        return None
    memory.in_a_row = memory.in_a_row + 1 if seen.value else 0
    if memory.in_a_row < rule.in_a_row or seen.is_history:
        return None
    fires = memory.in_a_row == rule.in_a_row
    return _breach(rule, seen, fires=fires, in_a_row=memory.in_a_row)


def _is_late(rule: Parameters, seen: Seen) -> bool:
    return seen.received_at - seen.at > timedelta(minutes=rule.acute_within_minutes)


def _breach(rule: Parameters, seen: Seen, *, fires: bool, **facts: Any) -> Breach:
    told = dict(seen.facts)
    if seen.value is not None and not isinstance(rule, Answer | MissingDiaries):
        told["value"] = _plain(seen.value)
    late = _is_late(rule, seen) and not isinstance(rule, MissingDiaries)
    return Breach(seen, fires, late, {**told, **facts})


def _plain(value: Decimal) -> str:
    """Return the number without an exponent and without the zeros that a column adds."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
