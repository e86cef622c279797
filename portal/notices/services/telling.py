"""Tell people: one row for each, with its sequence, and the letters that are to leave."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from portal.access.people import people_as, people_with
from portal.accounts.models import User, UserKind
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.kinds import KINDS, NoticeKind
from portal.notices.models import Absence, Dispatch, Escalation, Notice, Preference
from portal.notices.rules import Wishes, ways_out

CHANNEL = "notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The record that somebody is told of, by ids and numbers."""

    resource: str
    record: UUID
    trial: UUID | None = None
    site: UUID | None = None
    patient: UUID | None = None
    subject_number: str = ""
    number: str = ""


def tell(
    *,
    kind: NoticeKind,
    about: About,
    people: Iterable[UUID] | None = None,
    occasion: str = "",
    due_at: datetime | None = None,
    escalation: Escalation | None = None,
    stops_ladder: bool = True,
    by: UUID = SYSTEM_ACCOUNT,
    at: datetime,
) -> list[Notice]:
    """Tell `people`, or whom the kind names, of a record; return the notices that were made.

    Only those are told who may see the record now; a deputy beside whoever is away. Who was told of
    this occasion before is not told again.
    Locks: the counters of the people told, in the order of their ids, until the transaction ends.
    """
    whom = concerned(kind, about, at) if people is None else entitled(kind, about, people, at)
    standing_in = _deputies(whom, at)
    for deputy in entitled(kind, about, standing_in.keys() - whom, at):
        whom.add(deputy)
    if not whom:
        return []
    with acting(by=by, at=at, reason="told"):
        untold = _lock(whom) - _told(kind, about, occasion, whom)
        notices = [
            Notice(
                person_id=person,
                sequence=sequence,
                kind=kind,
                urgency=KINDS[kind].urgency,
                resource=about.resource,
                record_id=about.record,
                occasion=occasion,
                trial_id=about.trial,
                site_id=about.site,
                patient_id=about.patient,
                subject_number=about.subject_number,
                number=about.number,
                due_at=due_at,
                escalation=escalation,
                stops_ladder=stops_ladder,
                on_behalf_of_id=standing_in.get(person),
                created_at=at,
            )
            for person, sequence in _next(untold)
        ]
        Notice.objects.bulk_create(notices)
        send_out(notices, at=at)
    return notices


def send_out(notices: Collection[Notice], *, round: int = 0, at: datetime) -> None:
    """Put the letters of notices on their way, as their people wish; wakes the watcher."""
    wishes = _wishes({notice.person_id for notice in notices})
    letters = [
        Dispatch(notice=notice, way=way, round=round, due_at=due_at, created_at=at)
        for notice in notices
        for way, due_at in ways_out(
            urgency=notice.urgency,
            channels=KINDS[NoticeKind(notice.kind)].channels,
            respects_quiet_hours=KINDS[NoticeKind(notice.kind)].respects_quiet_hours,
            wishes=wishes.get(notice.person_id, Wishes()),
            at=at,
        )
    ]
    Dispatch.objects.bulk_create(letters, ignore_conflicts=True)
    wake()


def wake() -> None:
    """Let the watcher look at once, when the transaction has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def concerned(kind: NoticeKind, about: About, at: datetime) -> set[UUID]:
    """Return whom a kind names at the record's place, by role and delegation in force."""
    named = people_as(KINDS[kind].roles, trial=about.trial, site=about.site, at=at)
    return entitled(kind, about, named, at)


def entitled(kind: NoticeKind, about: About, people: Iterable[UUID], at: datetime) -> set[UUID]:
    """Return those of `people` who may see what the kind is about; service accounts never."""
    wanted = set(people)
    if not wanted:
        return set()
    needs = KINDS[kind].needs
    if needs is None:
        active = User.objects.filter(pk__in=wanted, is_active=True).exclude(kind=UserKind.SERVICE)
        return set(active.values_list("pk", flat=True))
    place = {"trial": about.trial, "site": about.site, "patient": about.patient}
    return wanted & people_with(needs, **place, at=at)


def _deputies(people: Collection[UUID], at: datetime) -> dict[UUID, UUID]:
    """Return who stands in for whom now: deputy -> the one who is away."""
    away = Absence.objects.filter(person__in=people, from_at__lte=at, to_at__gt=at)
    return dict(away.order_by("created_at", "id").values_list("deputy_id", "person_id"))


def _wishes(people: Collection[UUID]) -> Mapping[UUID, Wishes]:
    return {row.person_id: wishes_of(row) for row in Preference.objects.filter(person__in=people)}


def wishes_of(row: Preference) -> Wishes:
    """Return what a preference says."""
    return Wishes(
        email=row.email,
        push=row.push,
        digest=row.digest,
        digest_at=row.digest_at,
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        time_zone=row.time_zone,
    )


def _lock(people: Collection[UUID]) -> set[UUID]:
    """Hold the counters of people, made where they are missing; always in the same order."""
    wanted = sorted(people)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notices_noticecounter (person_id, last) "
            "SELECT id, 0 FROM unnest(%s::uuid[]) WITH ORDINALITY AS p(id, n) ORDER BY n "
            "ON CONFLICT DO NOTHING",
            [wanted],
        )
        cursor.execute(
            "SELECT person_id FROM notices_noticecounter WHERE person_id = ANY(%s) "
            "ORDER BY person_id FOR UPDATE",
            [wanted],
        )
        return {row[0] for row in cursor.fetchall()}


def _told(kind: str, about: About, occasion: str, people: Collection[UUID]) -> set[UUID]:
    told = Notice.objects.filter(
        person__in=people,
        kind=kind,
        resource=about.resource,
        record_id=about.record,
        occasion=occasion,
    )
    return set(told.values_list("person_id", flat=True))


def _next(people: Collection[UUID]) -> list[tuple[Any, int]]:
    """Return each person's next sequence; a rollback gives it back."""
    if not people:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_noticecounter SET last = last + 1 WHERE person_id = ANY(%s) "
            "RETURNING person_id, last",
            [sorted(people)],
        )
        return sorted((row[0], int(row[1])) for row in cursor.fetchall())
