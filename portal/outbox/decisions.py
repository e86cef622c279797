"""What a person decides about a delivery: run it again, leave it, give it up. Each is audited."""

from datetime import datetime

from django.db import connection, transaction

from portal.audit.record import Action, record
from portal.core.errors import InvalidInput, NotFound, RuleBroken
from portal.core.history import Actor
from portal.outbox.models import OutboxDelivery, State, database_clock
from portal.outbox.sql import NOTIFY_SQL


class DecisionNotPossible(RuleBroken):
    """A delivery that is done or skipped stays so, and one that runs now has to end first."""

    code = "delivery_decision_not_possible"


class ReasonMissing(InvalidInput):
    """Say why: the reason is kept in the audit trail."""

    code = "reason_missing"


_FROM: dict[Action, tuple[State, ...]] = {
    Action.DELIVERY_RETRIED: (State.DEAD, State.PENDING),
    Action.DELIVERY_SKIPPED: (State.DEAD, State.PENDING),
    Action.DELIVERY_BURIED: (State.PENDING,),
}


def retry(delivery_id: int, *, by: Actor, at: datetime, reason: str) -> OutboxDelivery:
    """Run a delivery again from its first attempt, as soon as somebody is free.

    Raises: NotFound, DecisionNotPossible, ReasonMissing.
    """
    changes = {
        "state": State.PENDING,
        "attempts": 0,
        "finished_at": None,
        "due_at": database_clock(),
        "last_error": "",
    }
    return _decide(Action.DELIVERY_RETRIED, delivery_id, changes, by=by, at=at, reason=reason)


def skip(delivery_id: int, *, by: Actor, at: datetime, reason: str) -> OutboxDelivery:
    """Leave a delivery out for ever; what follows it under its key goes on.

    Raises: NotFound, DecisionNotPossible, ReasonMissing.
    """
    changes = {"state": State.SKIPPED, "finished_at": database_clock()}
    return _decide(Action.DELIVERY_SKIPPED, delivery_id, changes, by=by, at=at, reason=reason)


def bury(delivery_id: int, *, by: Actor, at: datetime, reason: str) -> OutboxDelivery:
    """Let a delivery rest until somebody retries or skips it.

    Raises: NotFound, DecisionNotPossible, ReasonMissing.
    """
    changes = {"state": State.DEAD, "finished_at": database_clock()}
    return _decide(Action.DELIVERY_BURIED, delivery_id, changes, by=by, at=at, reason=reason)


def _decide(
    action: Action,
    delivery_id: int,
    changes: dict[str, object],
    *,
    by: Actor,
    at: datetime,
    reason: str,
) -> OutboxDelivery:
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        rows = OutboxDelivery.objects.select_for_update(skip_locked=True).filter(pk=delivery_id)
        row = rows.first()
        if row is None:
            if OutboxDelivery.objects.filter(pk=delivery_id).exists():
                raise DecisionNotPossible
            raise NotFound
        if row.state not in _FROM[action]:
            raise DecisionNotPossible
        rows.update(leased_until=None, **changes)
        record(
            action,
            by=by,
            at=at,
            resource="outbox_delivery",
            trial_id=row.trial_id,
            site_id=row.site_id,
            detail={"delivery": row.pk, "was": row.state, "kind": row.kind,
                    "handler": row.handler, "reason": reason},
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {NOTIFY_SQL}")
    row.refresh_from_db()
    return row
