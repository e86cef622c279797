"""Who had what access when, told from the history that triggers wrote.

Apps say by `source` where access comes from; nothing here reads the index or the present rows, so
that the report of a past day stays what it was.
Source: 21 CFR Part 11 guidance Q11 (FDA-04), ICH E6(R3) 4.3.8 (P27, E6-13).
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from portal.accounts.models import User
from portal.core.history import TRACKED


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """From when until when (None: open)."""

    since: datetime
    until: datetime | None = None

    def common(self, other: "Window") -> "Window | None":
        """Return what lies in both, None where nothing does."""
        ends = [end for end in (self.until, other.until) if end is not None]
        both = Window(max(self.since, other.since), min(ends, default=None))
        return None if both.until is not None and both.until <= both.since else both


@dataclass(frozen=True, slots=True)
class Access:
    """One person had `what` at `place` during `window`.

    `via` is assignment (`what` is the role), delegation (the task), share (the permissions),
    caregiver (the relation) or account (a patient's own). `scope` is portal, sponsor, trial, site
    or patient.
    """

    person: UUID
    via: str
    what: str
    scope: str
    place: UUID | None
    place_name: str
    window: Window
    granted_by: UUID | None
    record: UUID
    username: str = ""
    display_name: str = ""
    organization: str = ""


Source = Callable[[Window, UUID | None], Iterable[Access]]
_SOURCES: list[Source] = []


def source(function: Source) -> Source:
    """Register where access comes from; it is given the period and a trial (None: all)."""
    _SOURCES.append(function)
    return function


def access_during(period: Window, trial: UUID | None = None) -> tuple[Access, ...]:
    """Return who had what access at some moment of `period`, as was recorded by its end.

    Somebody had access while what gave it was recorded and in force and their account active.
    Ordered by person, then by what they had.
    """
    found: list[Access] = []
    active = _active(period)
    people = User.objects.in_bulk()
    for read in _SOURCES:
        for access in read(period, trial):
            for window in active.get(access.person, ()):
                both = access.window.common(window)
                if both is not None and both.common(period) is not None:
                    found.append(_named(replace(access, window=both), people))
    return tuple(sorted(_joined(found), key=_order))


def digest_of(entries: Iterable[Access]) -> str:
    """Return the SHA-256 of a list of access, one line for each entry."""
    text = "\n".join(repr(astuple(entry)) for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()


def versions(model: type[Model], period: Window) -> Iterator[tuple[Any, Window]]:
    """Yield each version of the rows of `model` with the time for which it stood.

    Only what was recorded before the end of `period` is read, and a deletion ends the last one.
    """
    rows: Any = TRACKED[model]._default_manager.all()
    if period.until is not None:
        rows = rows.filter(pgh_created_at__lt=period.until)
    before: Any = None
    for row in rows.order_by("pgh_obj_id", "pgh_id").iterator():
        if before is not None:
            same = before.pgh_obj_id == row.pgh_obj_id
            yield before, Window(before.pgh_created_at, row.pgh_created_at if same else None)
        before = None if row.pgh_label == "delete" else row
    if before is not None:
        yield before, Window(before.pgh_created_at)


def _active(period: Window) -> Mapping[UUID, list[Window]]:
    """Return when each account was active; versions that follow one another are joined."""
    found: dict[UUID, list[Window]] = defaultdict(list)
    for row, window in versions(User, period):
        if not row.is_active:
            continue
        windows = found[row.pgh_obj_id]
        if windows and windows[-1].until == window.since:
            windows[-1] = Window(windows[-1].since, window.until)
        else:
            windows.append(window)
    return found


def _named(access: Access, people: Mapping[Any, User]) -> Access:
    person = people[access.person]
    return replace(
        access,
        username=person.username,
        display_name=person.display_name,
        organization=access.organization or person.organization,
    )


def _joined(entries: Iterable[Access]) -> Iterator[Access]:
    """Join what followed without a gap: versions of one record that gave the same."""
    last: Access | None = None
    for entry in sorted(entries, key=lambda e: (e.record, e.what, str(e.place), e.window.since)):
        if last is not None and last.window.until == entry.window.since:
            joined = Window(last.window.since, entry.window.until)
            if replace(last, window=joined) == replace(entry, window=joined):
                last = replace(last, window=joined)
                continue
        if last is not None:
            yield last
        last = entry
    if last is not None:
        yield last


def _order(entry: Access) -> tuple[Any, ...]:
    return (
        entry.username,
        entry.via,
        entry.what,
        entry.place_name,
        entry.window.since,
        entry.record,
    )
