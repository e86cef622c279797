"""Handlers for tests: registered for as long as a test runs, with a ledger of what they did."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from portal.outbox import registry
from portal.outbox.kinds import Kind, Lane
from portal.outbox.message import Message
from portal.outbox.models import OutboxDelivery
from portal.outbox.publish import publish

KIND = Kind.SUBMISSION_QUARANTINED


@contextmanager
def only(*handlers: Callable[..., None]) -> Iterator[None]:
    """Leave no handler registered but these."""
    before = dict(registry.HANDLERS)
    registry.HANDLERS.clear()
    try:
        for handler in handlers:
            handler()
        yield
    finally:
        registry.HANDLERS.clear()
        registry.HANDLERS.update(before)


def send(*, key: UUID | None = None, lane: Lane = Lane.ORDINARY, **payload: Any) -> UUID:
    """Publish one message in a transaction of its own; return the record it is about."""
    record = uuid4()
    with transaction.atomic():
        publish(
            KIND,
            resource="thing",
            record_id=record,
            ordering_key=key or uuid4(),
            payload=payload,
            lane=lane,
        )
    return record


def rows() -> list[OutboxDelivery]:
    return list(OutboxDelivery.objects.order_by("id"))


def states() -> list[str]:
    return [row.state for row in rows()]


def let_time_pass(seconds: float = 4000) -> None:
    """Make every lease and every wait that much older."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_outboxdelivery SET due_at = due_at - %s * interval '1 s', "
            "leased_until = leased_until - %s * interval '1 s' WHERE state = 'pending'",
            [seconds, seconds],
        )


class Ledger:
    """What handlers did, in order; nothing that was rolled back counts as an effect."""

    def __init__(self) -> None:
        self.calls: list[list[UUID]] = []

    def note(self, messages: Sequence[Message]) -> None:
        self.calls.append([message.record_id for message in messages])
