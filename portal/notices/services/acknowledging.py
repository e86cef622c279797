"""What people do with notices. Only acknowledging says that somebody has it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.accounts.models import User
from portal.core.errors import FieldError, NotFound, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.notices.hooks import record_acknowledged
from portal.notices.kinds import KINDS, NoticeKind
from portal.notices.models import Escalation, Notice
from portal.notices.selectors import is_deputy, may_see
from portal.notices.vocabulary import EscalationState


class OneByOne(RuleBroken):
    """Alerts, serious events and clocks are opened and acknowledged one by one."""

    code = "acknowledge_one_by_one"


def acknowledge(*, notice: Notice, comment: str = "", by: User, at: datetime) -> Notice:
    """Record that `by` has it; the first who says so stays named, and the ladder stops.

    By the person told, or by who stands in for them now. Who may no longer see what it is about
    clears it from the list and stops nothing.
    Locks: the notice, then its record, then its escalation. Raises: NotPermitted.
    """
    with acting(by=by, at=at, reason=comment[:500] or "acknowledged"):
        held = Notice.objects.select_for_update(no_key=True).get(pk=notice.pk)
        if held.person_id != by.pk and not is_deputy(by, held.person_id, at):
            raise NotPermitted()
        if held.acknowledged_at is None:
            _write(held, comment, by=by, at=at)
            if may_see(by, held):
                _follow(held, comment, by=by, at=at)
            held.refresh_from_db()
    return held


def acknowledge_many(
    *, ids: Iterable[UUID], rows: Any, comment: str = "", by: User, at: datetime
) -> list[Notice]:
    """Acknowledge several with one comment: all or none; what is known already stays as it is.

    `rows` are those that `by` may know of. Locks: the notices, in the order of their ids.
    Raises: NotFound, OneByOne.
    """
    wanted = set(ids)
    notices = list(rows.filter(pk__in=wanted).order_by("id"))
    if len(notices) != len(wanted):
        raise NotFound()
    alone = [notice for notice in notices if not KINDS[NoticeKind(notice.kind)].is_bulk]
    if alone:
        raise OneByOne(
            errors=tuple(
                FieldError("/ids", OneByOne.code, f"{notice.pk}: {notice.kind}") for notice in alone
            )
        )
    with transaction.atomic():
        return [acknowledge(notice=each, comment=comment, by=by, at=at) for each in notices]


def mark_seen(*, ids: Collection[UUID], by: User, at: datetime) -> int:
    """Record that a person has looked at notices of theirs; the first time counts."""
    rows = Notice.objects.filter(person=by, pk__in=ids, seen_at__isnull=True)
    with acting(by=by, at=at, reason="seen"):
        return rows.update(seen_at=at)


def note_delivered(reached: Collection[tuple[UUID, int]], *, at: datetime) -> None:
    """Record that notices, by person and sequence, reached an open screen."""
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="delivered"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_notice n SET delivered_at = %s "
            "FROM unnest(%s::uuid[], %s::bigint[]) AS r(person, sequence) "
            "WHERE n.person_id = r.person AND n.sequence = r.sequence AND n.delivered_at IS NULL",
            [at, [person for person, _ in reached], [sequence for _, sequence in reached]],
        )


def have(*, resource: str, record: UUID, comment: str = "", by: User, at: datetime) -> None:
    """Record that `by` has a record, said at the record itself: their notices and its ladder.

    The caller holds the record. A notice that somebody is acknowledging just now is left to them.
    """
    with acting(by=by, at=at, reason=comment[:500] or "acknowledged"):
        own = Notice.objects.select_for_update(skip_locked=True, no_key=True).filter(
            resource=resource, record_id=record, person=by, acknowledged_at__isnull=True
        )
        for notice in own.order_by("id"):
            _write(notice, comment, by=by, at=at)
        running = Escalation.objects.filter(resource=resource, record_id=record)
        _stop(running, by=by, at=at)


def _write(notice: Notice, comment: str, *, by: User, at: datetime) -> None:
    Notice.objects.filter(pk=notice.pk).update(
        acknowledged_at=at, acknowledged_by=by, comment=comment, seen_at=notice.seen_at or at
    )


def _follow(notice: Notice, comment: str, *, by: User, at: datetime) -> None:
    if not notice.stops_ladder:
        return
    record_acknowledged(notice.resource, notice.record_id, comment=comment, by=by, at=at)
    if notice.escalation_id is not None:
        _stop(Escalation.objects.filter(pk=notice.escalation_id), by=by, at=at)


def _stop(rows: Any, *, by: User, at: datetime) -> None:
    """Stop ladders. Their steps are not touched: the watcher finds them no longer needed."""
    running = rows.filter(state=EscalationState.RUNNING).select_for_update(no_key=True)
    for escalation in running.order_by("id"):
        escalation.state = EscalationState.ACKNOWLEDGED
        escalation.ended_at, escalation.ended_by = at, by
        escalation.save(update_fields=["state", "ended_at", "ended_by"])
