"""From what is sent to the services of adverse events."""

from collections.abc import Mapping
from typing import Any

from events.api import forms
from events.models import AdverseEvent
from events.selectors import person_named
from events.services.adverse_events import add_follow_up, report_adverse_event
from events.services.judgments import confirm_judgment
from events.vocabulary import VersionKind
from patients.models import Patient
from portal.access.permissions import Permission
from portal.api.reasons import OnlyReasonSerializer
from portal.api.writes import Call, Named, Write


def _report(call: Call) -> AdverseEvent:
    statement, told = _told(call)
    told.pop("patient")
    return report_adverse_event(
        patient=call.record,
        statement=statement,
        **told,
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _amend(call: Call) -> AdverseEvent:
    statement, told = _told(call)
    told["kind"] = VersionKind(told["kind"])
    return add_follow_up(
        adverse_event=call.record,
        statement=statement,
        **told,
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _confirm(call: Call) -> AdverseEvent:
    return confirm_judgment(
        adverse_event=call.record, by=call.by, at=call.at, reason=call.reason or "confirmed"
    )


def _told(call: Call) -> tuple[Any, dict[str, Any]]:
    """Return what is stated of the event, and the rest of the body."""
    body = dict(call.body)
    statement = forms.statement_of(body)
    if body.get("judged_by") is not None:
        body["judged_by"] = person_named(body["judged_by"])
    return statement, body


WRITES: Mapping[str, Write] = {
    "create": Write(
        form=forms.ReportSerializer,
        perform=_report,
        on=Named("patient", Patient.objects.all(), Permission.PATIENT_VIEW),
        status=201,
    ),
    "add_follow_up": Write(
        form=forms.FollowUpSerializer, perform=_amend, status=201, needs_reason=True
    ),
    "confirm_judgment": Write(form=OnlyReasonSerializer, perform=_confirm),
}
