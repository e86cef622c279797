"""Uploads run again after a repair, and what is sealed until somebody decides."""

from datetime import datetime

from patients.models import ConsentDecision, EproReport, ReportProcessing, VitalsUpload
from patients.vocabulary import Disposition, ReportStatus
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.accounts.models import User
from portal.core.errors import InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.outbox.kinds import Kind
from portal.outbox.publish import publish


class NotOutsideConsent(RuleBroken):
    """The report is not sealed for want of consent."""

    code = "not_outside_consent"


def run_again(
    *, upload: EproReport | VitalsUpload, by: User, at: datetime, reason: str
) -> ReportProcessing | None:
    """Hand an upload to the pipeline once more: what is as before changes nothing.

    Locks: its processing. Raises: NotPermitted, InvalidInput. Emits: REPORT_RECEIVED,
    VITALS_RECEIVED.
    """
    if not may(by, Permission.EPRO_REPORT_RUN_AGAIN, upload):
        raise NotPermitted()
    if not reason.strip():
        raise InvalidInput("Say why it is run again.")
    is_report = isinstance(upload, EproReport)
    of = {"report": upload} if is_report else {"vitals_upload": upload}
    with acting(by=by, at=at, reason=reason):
        held = ReportProcessing.objects.select_for_update().filter(**of).first()
        if held is not None:
            held.status = ReportStatus.PROCESSING
            held.save()
        publish(
            Kind.REPORT_RECEIVED if is_report else Kind.VITALS_RECEIVED,
            resource="epro_report" if is_report else "vitals_upload",
            record_id=upload.pk,
            ordering_key=upload.patient_id,
            trial_id=upload.trial_id,
            site_id=upload.site_id,
        )
        return held


def decide_outside_consent(
    *, report: EproReport, may_be_used: bool, by: User, at: datetime, reason: str
) -> ConsentDecision:
    """Decide whether a report outside consent may be shown and exported. A later word counts.

    Safety rules ran on it all the same (domain.md 1). Locks: the decision.
    Raises: NotPermitted, NotOutsideConsent, InvalidInput.
    """
    if not may(by, Permission.EPRO_REPORT_DECIDE_CONSENT, report):
        raise NotPermitted()
    if report.disposition != Disposition.OUTSIDE_CONSENT:
        raise NotOutsideConsent()
    if not reason.strip():
        raise InvalidInput("Say why.")
    told = {
        "may_be_used": may_be_used,
        "decision_reason": reason,
        "decided_at": at,
        "decided_by": by,
    }
    with acting(by=by, at=at, reason=reason):
        decision, made = ConsentDecision.objects.select_for_update().get_or_create(
            report=report,
            defaults={**told, "patient_id": report.patient_id, "site_id": report.site_id},
        )
        if not made:
            for name, value in told.items():
                setattr(decision, name, value)
            decision.save()
        return decision
