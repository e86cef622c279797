"""Climbing a ladder: due rows, made with what is escalated, each done once.

A watcher does what is due; so does whoever handles the message of the record, and the second finds
it done. Only acknowledging ends it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Q

from portal.access.people import people_as
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.core.rows import insert_rows
from portal.notices import ladders
from portal.notices.kinds import KINDS, NoticeKind
from portal.notices.models import Escalation, EscalationStep, Notice
from portal.notices.services.telling import About, entitled, send_out, tell, wake
from portal.notices.vocabulary import EscalationState, LadderKind, StepState, Who

# How long those who watch a record are completed by who comes new to it.
WATCHED = timedelta(days=30)
_ESCALATION_COLUMNS = (
    "id", "created_at", "kind", "ladder", "urgency", "resource", "record_id", "occasion",
    "trial_id", "site_id", "patient_id", "subject_number", "number", "started_at", "due_at",
)  # fmt: skip
_STEP_COLUMNS = ("id", "created_at", "escalation_id", "rung", "who", "due_at")


@dataclass(frozen=True, slots=True)
class Start:
    """A record that begins to climb."""

    kind: NoticeKind
    about: About
    occasion: str = ""
    due_at: datetime | None = None


def start(starts: Sequence[Start], *, at: datetime) -> int:
    """Let records climb their ladders from now on, in the caller's transaction; return how many.

    A record that climbs already goes on as it does, and an occasion climbs once.
    The caller has declared who acts.
    """
    rows = [_row(each, at) for each in starts]
    made = insert_rows(
        Escalation,
        _ESCALATION_COLUMNS,
        rows,
        on_conflict="ON CONFLICT DO NOTHING",
        returning=("id",),
    )
    keys = {row[0] for row in made}
    steps = [
        {
            "id": uuid7(at),
            "created_at": at,
            "escalation_id": row["id"],
            "rung": 0,
            "who": ladders.rungs(row["ladder"], row["trial_id"], row["site_id"])[0].who.value,
            "due_at": at,
        }
        for row in rows
        if row["id"] in keys
    ]
    insert_rows(EscalationStep, _STEP_COLUMNS, steps)
    if steps:
        wake()
    return len(steps)


def _row(each: Start, at: datetime) -> dict[str, Any]:
    about, declared = each.about, KINDS[each.kind]
    assert declared.ladder is not None and about.trial is not None
    return {
        "id": uuid7(at),
        "created_at": at,
        "kind": each.kind.value,
        "ladder": declared.ladder.value,
        "urgency": declared.urgency.value,
        "resource": about.resource,
        "record_id": about.record,
        "occasion": each.occasion,
        "trial_id": about.trial,
        "site_id": about.site,
        "patient_id": about.patient,
        "subject_number": about.subject_number,
        "number": about.number,
        "started_at": at,
        "due_at": each.due_at,
    }


def climb(*, resource: str, record: UUID, at: datetime) -> int:
    """Do what is due of a record's ladder; return how many steps were done."""
    due = EscalationStep.objects.filter(
        escalation__resource=resource,
        escalation__record_id=record,
        state=StepState.PENDING,
        due_at__lte=at,
    )
    return sum(take_step(key, at=at) for key in due.values_list("pk", flat=True))


def take_step(key: UUID, *, at: datetime) -> bool:
    """Do one step, if nobody else does it just now; tell whether it was done.

    Tells the rung's people, or tells them again, and writes down what follows.
    Locks: the step, then the notices of its escalation, then the escalation.
    """
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="escalated"):
        step = (
            EscalationStep.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(pk=key, state=StepState.PENDING)
            .first()
        )
        if step is None:
            return False
        told = list(
            Notice.objects.select_for_update(no_key=True)
            .filter(escalation=step.escalation_id)
            .order_by("id")
        )
        escalation = Escalation.objects.select_for_update(no_key=True).get(pk=step.escalation_id)
        if escalation.state != EscalationState.RUNNING:
            step.state = StepState.SKIPPED
        else:
            step.told = _tell_rung(escalation, step, told, at)
            step.state, step.fired_at = StepState.DONE, at
            _plan_next(escalation, step, at)
        step.save(update_fields=["told", "state", "fired_at"])
        return step.state == StepState.DONE


def _tell_rung(
    escalation: Escalation, step: EscalationStep, before: Sequence[Notice], at: datetime
) -> int:
    """Tell whom a rung names, those who know of it again; return how many that are."""
    kind, about = NoticeKind(escalation.kind), about_of(escalation)
    named = ladders.people(Who(step.who), about.trial, about.site, at)  # type: ignore[arg-type]
    people = entitled(kind, about, named, at)
    _tell(escalation, people, stops_ladder=True, at=at)
    if step.round or step.rung:
        waiting = [n for n in before if n.acknowledged_at is None and n.person_id in people]
        send_out(waiting, round=step.rung * 1000 + step.round, at=at)
    if step.rung == 0 and step.round == 0:
        _tell(escalation, _observers(escalation, at), stops_ladder=False, at=at)
    return len(people)


def _tell(
    escalation: Escalation, people: Collection[UUID], *, stops_ladder: bool, at: datetime
) -> None:
    tell(
        kind=NoticeKind(escalation.kind),
        about=about_of(escalation),
        people=people,
        occasion=escalation.occasion,
        due_at=escalation.due_at,
        escalation=escalation,
        stops_ladder=stops_ladder,
        at=at,
    )


def _plan_next(escalation: Escalation, step: EscalationStep, at: datetime) -> None:
    rungs = ladders.rungs(LadderKind(escalation.ladder), escalation.trial_id, escalation.site_id)
    began = EscalationStep.objects.filter(
        escalation=escalation, rung=step.rung, round=0, fired_at__isnull=False
    ).aggregate(at=Max("fired_at"))["at"]
    after = ladders.next_step(
        rungs,
        rung=step.rung,
        round=step.round,
        rung_began_at=began or at,
        at=at,
        is_anybody_told=bool(step.told),
    )
    EscalationStep.objects.create(
        escalation=escalation,
        rung=after.rung,
        round=after.round,
        who=rungs[min(after.rung, len(rungs) - 1)].who,
        due_at=after.due_at,
        created_at=at,
    )


def include_newcomers(*, at: datetime) -> int:
    """Tell those who have come to a place since; no deadline is set anew. Return how many.

    Of what climbs, whom the rungs that were told name now; and of what was escalated lately, who
    watches beside the ladder.
    """
    count = 0
    running = Q(state=EscalationState.RUNNING)
    watched = Q(state=EscalationState.ACKNOWLEDGED, started_at__gt=at - WATCHED)
    escalations = list(Escalation.objects.filter(running | watched).order_by("id"))
    told: dict[UUID, set[UUID]] = defaultdict(set)
    notices = Notice.objects.filter(escalation__in=escalations)
    for key, person in notices.values_list("escalation_id", "person_id"):
        told[key].add(person)
    named: dict[Any, set[UUID]] = {}
    for escalation in escalations:
        if escalation.pk not in told:
            continue  # its first step is still to come
        place = (escalation.kind, escalation.trial_id, escalation.site_id)
        if place not in named:
            named[place] = entitled(
                NoticeKind(escalation.kind),
                about_of(escalation),
                _observers(escalation, at),
                at,
            )
        new = named[place] - told[escalation.pk]
        _tell(escalation, new, stops_ladder=False, at=at)
        count += len(new)
        if escalation.state == EscalationState.RUNNING:
            count += _complete_rungs(escalation, told[escalation.pk] | new, at)
    return count


def _complete_rungs(escalation: Escalation, told: Collection[UUID], at: datetime) -> int:
    """Tell whom the rungs name now that were told already."""
    done = EscalationStep.objects.filter(escalation=escalation, state=StepState.DONE)
    people: set[UUID] = set()
    for who in done.values_list("who", flat=True).distinct():
        people |= ladders.people(Who(who), escalation.trial_id, escalation.site_id, at)
    new = entitled(NoticeKind(escalation.kind), about_of(escalation), people, at) - set(told)
    _tell(escalation, new, stops_ladder=True, at=at)
    return len(new)


def end(*, resource: str, records: Iterable[UUID], at: datetime) -> int:
    """Stop ladders of records that need nobody any more (closed, withdrawn); return how many."""
    return Escalation.objects.filter(
        resource=resource, record_id__in=records, state=EscalationState.RUNNING
    ).update(state=EscalationState.ENDED, ended_at=at, ended_by=SYSTEM_ACCOUNT)


def about_of(escalation: Escalation) -> About:
    """Return what the notices of an escalation say."""
    return About(
        resource=escalation.resource,
        record=escalation.record_id,
        trial=escalation.trial_id,
        site=escalation.site_id,
        patient=escalation.patient_id,
        subject_number=escalation.subject_number,
        number=escalation.number,
    )


def _observers(escalation: Escalation, at: datetime) -> set[UUID]:
    roles = KINDS[NoticeKind(escalation.kind)].observers
    return people_as(roles, trial=escalation.trial_id, site=escalation.site_id, at=at)
