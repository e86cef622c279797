"""Delegations: which tasks the principal investigator gives to whom."""

from datetime import date, datetime

from portal.accounts.models import User
from portal.core.errors import RuleBroken
from portal.core.history import acting
from trials.models import Delegation, PrincipalInvestigator, Site
from trials.services.access import sync_access
from trials.services.setup import save_checked


class NotTheInvestigator(RuleBroken):
    """Only the principal investigator of that day delegates a task of the site."""

    code = "not_the_investigator"


class NotTheDelegate(RuleBroken):
    """Only the person it was given to accepts a task."""

    code = "not_the_delegate"


class BackdatedWithoutReason(RuleBroken):
    """A delegation that begins before it is recorded needs a reason."""

    code = "backdated_without_reason"


def delegate_task(
    *,
    site: Site,
    principal_investigator: User,
    delegate: User,
    task: str,
    effective_from: datetime,
    trained_on: date | None = None,
    training: str = "",
    accepted_at: datetime | None = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> Delegation:
    """Record that the investigator of that day gives a task of the site to `delegate`.

    Source: ICH E6(R3) 2.3. Raises: NotTheInvestigator, BackdatedWithoutReason, InvalidInput.
    """
    leads = PrincipalInvestigator.objects.filter(
        site=site, person=principal_investigator, from_on__lte=effective_from.date()
    ).exclude(to_on__lte=effective_from.date())
    if not leads.exists():
        raise NotTheInvestigator()
    if effective_from < at and not reason:
        raise BackdatedWithoutReason()
    delegation = Delegation(
        site=site,
        principal_investigator=principal_investigator,
        delegate=delegate,
        task=task,
        effective_from=effective_from,
        recorded_at=at,
        accepted_at=accepted_at,
        trained_on=trained_on,
        training=training,
        created_at=at,
    )
    return _save(delegation, by=by, at=at, reason=reason)


def accept_delegation(
    *, delegation: Delegation, by: User, at: datetime, reason: str = "accepted"
) -> Delegation:
    """Record that the delegate takes the task on; it counts from now on. Locks: its row.

    Raises: NotTheDelegate.
    """
    with acting(by=by, at=at, reason=reason):
        locked = Delegation.objects.select_for_update().get(pk=delegation.pk)
        if locked.delegate_id != by.pk:
            raise NotTheDelegate()
        locked.accepted_at = locked.accepted_at or at
        return _save(locked, by=by, at=at, reason=reason)


def end_delegation(*, delegation: Delegation, by: User, at: datetime, reason: str) -> Delegation:
    """End a delegation now. Locks: its row."""
    with acting(by=by, at=at, reason=reason):
        locked = Delegation.objects.select_for_update().get(pk=delegation.pk)
        locked.effective_to = max(at, locked.effective_from)
        return _save(locked, by=by, at=at, reason=reason)


def _save(delegation: Delegation, *, by: User, at: datetime, reason: str) -> Delegation:
    """Save it; what the delegate may write follows with the same commit."""
    with acting(by=by, at=at, reason=reason):
        saved = save_checked(delegation, by=by, at=at, reason=reason)
        sync_access(at=at, people=[saved.delegate_id])
        return saved
