"""Alerts: somebody has it; a physician judged it."""

from datetime import datetime
from uuid import UUID

from patients.models import Alert
from patients.vocabulary import AlertState
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.accounts.models import User
from portal.core.errors import InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.notices.hooks import acknowledging
from portal.notices.services.acknowledging import have


class AlertIsClosed(RuleBroken):
    """The alert is closed; a new breach opens another."""

    code = "alert_closed"


class NoAssessment(InvalidInput):
    """An alert is closed with an assessment in words."""

    code = "assessment_required"


def acknowledge_alert(
    *, alert: Alert, comment: str = "", by: User, at: datetime, reason: str = "acknowledged"
) -> Alert:
    """Record that `by` has the alert. The first who says so stays named. Locks: the alert.

    Raises: NotPermitted, AlertIsClosed.
    """
    _check(by, Permission.ALERT_ACKNOWLEDGE, alert)
    with acting(by=by, at=at, reason=comment or reason):
        held = _locked(alert)
        if held.state == AlertState.OPEN:
            held.state = AlertState.ACKNOWLEDGED
            held.acknowledged_at, held.acknowledged_by, held.comment = at, by, comment
            held.save()
            held.refresh_from_db()
        have(resource="alert", record=held.pk, comment=comment, by=by, at=at)
        return held


@acknowledging("alert")
def acknowledge_by_notice(record: UUID, comment: str, by: User, at: datetime) -> None:
    """Record on the alert itself that somebody said of its notice that they have it."""
    alert = Alert.objects.select_for_update().get(pk=record)
    if alert.state == AlertState.OPEN and may(by, Permission.ALERT_ACKNOWLEDGE, alert):
        alert.state = AlertState.ACKNOWLEDGED
        alert.acknowledged_at, alert.acknowledged_by, alert.comment = at, by, comment
        alert.save()


def close_alert(
    *,
    alert: Alert,
    assessment: str,
    was_actionable: bool | None = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> Alert:
    """Close an alert with a delegated physician's assessment. Locks: the alert.

    Source: domain.md 8. Raises: NotPermitted, NoAssessment, AlertIsClosed.
    """
    _check(by, Permission.ALERT_CLOSE, alert)
    if not assessment.strip():
        raise NoAssessment()
    with acting(by=by, at=at, reason=reason or assessment[:500]):
        held = _locked(alert)
        if held.acknowledged_at is None:
            held.acknowledged_at, held.acknowledged_by = at, by
        held.state, held.closed_at, held.closed_by = AlertState.CLOSED, at, by
        held.assessment, held.was_actionable = assessment, was_actionable
        held.save()
        held.refresh_from_db()
        have(resource="alert", record=held.pk, by=by, at=at)
        return held


def _locked(alert: Alert) -> Alert:
    held = Alert.objects.select_for_update().get(pk=alert.pk)
    if held.state == AlertState.CLOSED:
        raise AlertIsClosed()
    return held


def _check(by: User, permission: Permission, alert: Alert) -> None:
    if not may(by, permission, alert):
        raise NotPermitted()
