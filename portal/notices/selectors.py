"""Notices as their reader sees them: the same on a screen, in a list and alone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import translation
from django.utils.translation import gettext as _

from portal.access.permissions import Permission
from portal.access.scoping import Scope, scope, visible
from portal.accounts.models import User
from portal.notices.kinds import KINDS, NoticeKind, title_of
from portal.notices.models import Absence, EscalationStep, Notice, NoticeSending, Preference
from portal.notices.vocabulary import Channel, EscalationState, StepState, Who


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens unless somebody acknowledges."""

    at: datetime
    who: str


def readable(user: User, at: datetime) -> QuerySet[Notice]:
    """Return the notices of a person, and of those for whom they stand in now."""
    away = Absence.objects.filter(deputy=user, from_at__lte=at, to_at__gt=at).values("person")
    return Notice.objects.filter(Q(person=user) | Q(person__in=away))


def is_deputy(user: User, person: UUID, at: datetime) -> bool:
    """Whether `user` stands in for a person now."""
    return Absence.objects.filter(
        person=person, deputy=user, from_at__lte=at, to_at__gt=at
    ).exists()


def may_see(user: User, notice: Notice) -> bool:
    """Whether a person may still see what a notice is about."""
    needs = KINDS[NoticeKind(notice.kind)].needs
    return needs is None or _covers(scope(user, needs), notice)


def _covers(held: Scope, notice: Notice) -> bool:
    if held.everywhere or notice.trial_id in held.trials or notice.site_id in held.sites:
        return True
    return notice.patient_id in held.patients | held.arrived | held.departed


def next_steps(notices: Iterable[Notice]) -> Mapping[UUID, NextStep]:
    """Return by escalation what comes next, of those that run."""
    keys = {notice.escalation_id for notice in notices if notice.escalation_id}
    if not keys:
        return {}
    steps = EscalationStep.objects.filter(
        escalation__in=keys,
        escalation__state=EscalationState.RUNNING,
        state=StepState.PENDING,
    )
    rows = steps.order_by("-due_at").values_list("escalation_id", "due_at", "who")
    return {escalation: NextStep(due_at, who) for escalation, due_at, who in rows}


def represent(notices: Collection[Notice], reader: User) -> list[dict[str, Any]]:
    """Return notices as `reader` is told of them, in the language of their account.

    Of a record that they may no longer see, a notice says only that there was one.
    """
    steps = next_steps(notices)
    names = _names(notice.acknowledged_by_id for notice in notices)
    with translation.override(reader.language):
        return [_represent(notice, reader, steps, names) for notice in notices]


def _names(people: Iterable[UUID | None]) -> Mapping[UUID, str]:
    wanted = {person for person in people if person}
    if not wanted:
        return {}
    return {user.pk: user.get_full_name() for user in User.objects.filter(pk__in=wanted)}


def _represent(
    notice: Notice, reader: User, steps: Mapping[UUID, NextStep], names: Mapping[UUID, str]
) -> dict[str, Any]:
    is_seen = may_see(reader, notice)
    step = steps.get(notice.escalation_id) if notice.escalation_id and is_seen else None
    return {
        "id": notice.pk,
        "version": notice.version,
        "created_at": notice.created_at,
        "sequence": notice.sequence,
        "kind": notice.kind,
        "urgency": notice.urgency,
        "resource": notice.resource,
        "record": notice.record_id,
        "title": title_of(notice.kind, number=notice.number, subject=notice.subject_number)
        if is_seen
        else str(_("About something that you may no longer see")),
        "trial": notice.trial_id,
        "site": notice.site_id,
        "subject_number": (notice.subject_number or None) if is_seen else None,
        "due_at": notice.due_at,
        "seen_at": notice.seen_at,
        "acknowledged_at": notice.acknowledged_at,
        "acknowledged_by": notice.acknowledged_by_id,
        "acknowledged_by_name": notice.acknowledged_by_id and names[notice.acknowledged_by_id],
        "comment": notice.comment,
        "is_bulk": KINDS[NoticeKind(notice.kind)].is_bulk,
        "next_step": step
        and {"at": step.at, "who": str(Who(step.who).label), "channel": Channel.EMAIL.value},
    }


def sendings_of(notice: Notice) -> list[dict[str, Any]]:
    """Return what was tried to reach the person, the first attempt first."""
    rows = NoticeSending.objects.filter(notice=notice).order_by("sequence")
    return [
        {"channel": row.channel, "attempt": row.attempt, "outcome": row.outcome, "at": row.at}
        for row in rows
    ]


def overdue(rows: QuerySet[Notice], at: datetime) -> QuerySet[Notice]:
    """Return the notices that somebody should have acknowledged by now."""
    return rows.filter(acknowledged_at__isnull=True, due_at__lt=at)


def statistics(user: User, at: datetime) -> list[dict[str, Any]]:
    """Return by site and person how many were told, how soon they acknowledged, what is overdue.

    Only of kinds of record that `user` may see there.
    """
    rows = visible(Notice.objects.all(), user, Permission.NOTICE_VIEW)
    kinds = [Q(kind=kind) & _seen(user, declared.needs) for kind, declared in KINDS.items()]
    condition = kinds[0]
    for each in kinds[1:]:
        condition |= each
    late = Q(acknowledged_at__isnull=True, due_at__lt=at)
    counted = (
        rows.filter(condition)
        .values("trial_id", "site_id", "person_id")
        .annotate(
            told=Count("id"),
            acknowledged=Count("acknowledged_at"),
            took=Avg(F("acknowledged_at") - F("created_at")),
            overdue=Count("id", filter=late),
        )
        .order_by("trial_id", "site_id", "person_id")
    )
    names = _names(row["person_id"] for row in counted)
    return [
        {
            "trial": row["trial_id"],
            "site": row["site_id"],
            "person": row["person_id"],
            "person_name": names[row["person_id"]],
            "told": row["told"],
            "acknowledged": row["acknowledged"],
            "mean_seconds_to_acknowledge": row["took"] and round(row["took"].total_seconds()),
            "overdue": row["overdue"],
        }
        for row in counted
    ]


def _seen(user: User, needs: Permission | None) -> Q:
    held = Scope(everywhere=True) if needs is None else scope(user, needs)
    if held.everywhere:
        return Q()
    return Q(trial_id__in=held.trials) | Q(site_id__in=held.sites)


def preference_of(user: User) -> Preference:
    """Return how a person wants to be told; what they never said is as usual."""
    return Preference.objects.filter(person=user).first() or Preference(person=user, version=0)


def absences() -> QuerySet[Absence]:
    """Return absences with the names of who is away and who stands in."""
    return Absence.objects.annotate(person_name=_name_of("person"), deputy_name=_name_of("deputy"))


def _name_of(person: str) -> Coalesce:
    """Return the name to show to people, as User.get_full_name gives it."""
    return Coalesce(NullIf(f"{person}__display_name", Value("")), f"{person}__username")


def absences_of(user: User) -> QuerySet[Absence]:
    """Return a person's absences, and those in which they stand in."""
    return absences().filter(Q(person=user) | Q(deputy=user))
