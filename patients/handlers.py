"""Reactions of patients to messages: uploads are processed, chunk by chunk."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from patients.pipeline import REASON, chunk, outcome, stored
from patients.services.telling import tell_of_alert
from portal.core import clock
from portal.core.history import Source, acting
from portal.core.ids import PIPELINE_ACCOUNT
from portal.outbox.kinds import Kind
from portal.outbox.message import Message
from portal.outbox.registry import handles, handles_many

log = structlog.get_logger(__name__)

# An upload that stops the pipeline alone so often is set aside, where the site sees it.
MOST_ATTEMPTS = 3


def give_up_reports(messages: Sequence[Message], why: str) -> None:
    """Say on reports that nobody tries any more: the site sees them as failed."""
    _give_up("epro_report", messages)


def give_up_vitals(messages: Sequence[Message], why: str) -> None:
    """Say the same on uploads of readings."""
    _give_up("vitals_upload", messages)


@handles_many(Kind.REPORT_RECEIVED, gave_up=give_up_reports)
def process_reports(messages: Sequence[Message]) -> None:
    """Process the diary reports that came in."""
    _process("epro_report", messages)


@handles_many(Kind.VITALS_RECEIVED, gave_up=give_up_vitals)
def process_vitals(messages: Sequence[Message]) -> None:
    """Process the readings that came in."""
    _process("vitals_upload", messages)


@handles_many(Kind.VITAL_SIGN_RECORDED)
def evaluate_readings(messages: Sequence[Message]) -> None:
    """Hold the rules against readings that staff entered or corrected."""
    _evaluate(messages, stored.evaluate_readings)


@handles_many(Kind.OBSERVATION_SET_CLOSED)
def evaluate_sets(messages: Sequence[Message]) -> None:
    """Hold the rules about NEWS2 against observation sets."""
    _evaluate(messages, stored.evaluate_sets)


def _evaluate(
    messages: Sequence[Message], evaluate: Callable[[Collection[UUID], datetime], None]
) -> None:
    patients = {message.ordering_key for message in messages}
    with acting(by=PIPELINE_ACCOUNT, reason=REASON, source=Source.TASK):
        at = chunk.lock_patients(patients)
        evaluate({message.record_id for message in messages}, at)


def _process(resource: str, messages: Sequence[Message]) -> None:
    patients = {message.ordering_key for message in messages}
    uploads = [message.record_id for message in messages]
    try:
        with transaction.atomic():
            chunk.process(resource, patients, uploads)
    except DatabaseError as error:
        if _is_passing(error) or len(messages) > 1 or messages[0].attempt < MOST_ATTEMPTS:
            raise
        _set_aside(resource, messages[0], error)
    except Exception as error:
        # One by one comes next; and the last try of one alone ends in a reason, not in a loop.
        if len(messages) > 1 or messages[0].attempt < MOST_ATTEMPTS:
            raise
        _set_aside(resource, messages[0], error)


def _is_passing(error: DatabaseError) -> bool:
    """Whether the database was away or busy: waiting helps."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return not state or state[:2] in ("08", "40", "53", "55", "57")


def _give_up(resource: str, messages: Sequence[Message]) -> None:
    for message in messages:
        outcome.fail(
            resource,
            patient=message.ordering_key,
            upload=message.record_id,
            reason=_(
                "The portal tried several times and could not process it. The original is kept, "
                "the operators are told, and it can be run again."
            ),
        )


def _set_aside(resource: str, message: Message, error: Exception) -> None:
    log.error("upload_failed", resource=resource, record_id=str(message.record_id), exc_info=error)
    outcome.fail(
        resource,
        patient=message.ordering_key,
        upload=message.record_id,
        reason=_(
            "The portal could not process it (%(error)s). The original is kept, the operators "
            "are told, and it can be run again."
        )
        % {"error": type(error).__name__},
    )


@handles(Kind.ALERT_RAISED)
def tell_of_raised_alert(message: Message) -> None:
    """Tell whom an alert concerns; the watcher, and a second delivery, find it done."""
    tell_of_alert(alert=message.record_id, at=clock.now())
