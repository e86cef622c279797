"""Reactions of events to messages: what may be an adverse event is put before a physician."""

from events.services.candidates import suggest_candidate
from events.services.escalations import tell_of_amendment, tell_of_report
from portal.core import clock
from portal.outbox.kinds import Kind
from portal.outbox.message import Message
from portal.outbox.registry import handles


@handles(Kind.ALERT_RAISED)
def suggest_adverse_event(message: Message) -> None:
    """Make a candidate of an alert whose rule says so; a second delivery finds it there."""
    if message.payload.get("candidate"):
        suggest_candidate(alert_id=message.record_id, at=message.created_at)


@handles(Kind.ADVERSE_EVENT_REPORTED)
def tell_of_serious_event(message: Message) -> None:
    """Tell safety officer, medical monitor and the responsible monitors of a serious event.

    A second delivery, and the watcher, find it done.
    """
    tell_of_report(adverse_event=message.record_id, at=clock.now())


@handles(Kind.ADVERSE_EVENT_AMENDED)
def tell_of_new_information(message: Message) -> None:
    """Tell those who know of a serious event what is new; a second delivery tells nobody twice."""
    ordinal = int(message.payload["ordinal"])
    tell_of_amendment(adverse_event=message.record_id, ordinal=ordinal, at=clock.now())
