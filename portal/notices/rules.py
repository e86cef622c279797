"""Pure rules of notices: by which way, and when, a notice leaves the house."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.notices.vocabulary import Channel, Urgency, Way


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person wants to be told."""

    email: bool = True
    push: bool = True
    digest: bool = True
    digest_at: time = time(8)
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"


def ways_out(
    *,
    urgency: str,
    channels: Collection[Channel],
    respects_quiet_hours: bool,
    wishes: Wishes,
    at: datetime,
) -> Iterator[tuple[Way, datetime]]:
    """Yield by which ways a notice leaves, and when. What concerns safety waits for nothing."""
    if urgency == Urgency.ROUTINE:
        if Channel.EMAIL in channels and wishes.digest:
            yield Way.DIGEST, next_digest(wishes, at)
        return
    is_safety = urgency == Urgency.SAFETY
    when = after_quiet_hours(wishes, at) if respects_quiet_hours and not is_safety else at
    if Channel.EMAIL in channels and (wishes.email or is_safety):
        yield Way.EMAIL, when
    if Channel.PUSH in channels and (wishes.push or is_safety):
        yield Way.PUSH, when


def after_quiet_hours(wishes: Wishes, at: datetime) -> datetime:
    """Return `at`, or the end of the person's quiet hours when it lies in them."""
    begins, ends = wishes.quiet_from, wishes.quiet_until
    if begins is None or ends is None or begins == ends:
        return at
    local = at.astimezone(ZoneInfo(wishes.time_zone))
    now = local.time()
    if begins < ends:
        return _on(local, ends) if begins <= now < ends else at
    if now >= begins:
        return _on(local + timedelta(days=1), ends)
    return _on(local, ends) if now < ends else at


def next_digest(wishes: Wishes, at: datetime) -> datetime:
    """Return when the person's next digest leaves, by the clock of their place."""
    local = at.astimezone(ZoneInfo(wishes.time_zone))
    today = _on(local, wishes.digest_at)
    return today if today > at else _on(local + timedelta(days=1), wishes.digest_at)


def _on(day: datetime, clock: time) -> datetime:
    return datetime.combine(day.date(), clock, tzinfo=day.tzinfo)


BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(minutes=10)
MOST_ATTEMPTS = 20


def next_attempt(attempts: int, at: datetime) -> datetime | None:
    """Return when a letter that failed is tried again; None when it is given up."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return at + min(BACK_OFF * 2 ** max(attempts - 1, 0), LONGEST_BACK_OFF)
