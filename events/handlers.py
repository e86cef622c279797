"""Reactions of events to messages: what may be an adverse event is put before a physician."""

from events.services.candidates import suggest_candidate
from portal.outbox.kinds import Kind
from portal.outbox.message import Message
from portal.outbox.registry import handles


@handles(Kind.ALERT_RAISED)
def suggest_adverse_event(message: Message) -> None:
    """Make a candidate of an alert whose rule says so; a second delivery finds it there."""
    if message.payload.get("candidate"):
        suggest_candidate(alert_id=message.record_id, at=message.created_at)
