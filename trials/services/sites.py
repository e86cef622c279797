"""Sites: opened, approved, activated, held, closed, led."""

from datetime import date, datetime

from django.db.models import Q

from portal.accounts.models import User
from portal.core.history import acting
from trials import rules
from trials.models import (
    ApprovalRequirement,
    Institution,
    PrincipalInvestigator,
    ProtocolVersion,
    Site,
    SiteApproval,
    Trial,
)
from trials.services.setup import save_checked
from trials.vocabulary import SiteStatus


def open_site(
    *,
    trial: Trial,
    institution: Institution,
    code: str,
    time_zone: str | None,
    country: str = "",
    status: SiteStatus = SiteStatus.PLANNED,
    by: User,
    at: datetime,
    reason: str = "",
) -> Site:
    """Add an institution to a trial, planned (or closed, for an imported one).

    Raises: InvalidInput.
    """
    site = Site(
        trial=trial,
        institution=institution,
        code=code,
        time_zone=time_zone,
        country=country or institution.country,
        status=status,
        closed_at=at if status == SiteStatus.CLOSED else None,
        created_at=at,
    )
    return save_checked(site, by=by, at=at, reason=reason)


def record_approval(
    *,
    site: Site,
    kind: str,
    approved_on: date,
    reference: str,
    effective_on: date | None = None,
    expires_on: date | None = None,
    protocol_version: ProtocolVersion | None = None,
    document: str = "",
    by: User,
    at: datetime,
    reason: str = "",
) -> SiteApproval:
    """Record an approval that the site received. Raises: InvalidInput."""
    approval = SiteApproval(
        site=site,
        kind=kind,
        approved_on=approved_on,
        effective_on=effective_on or approved_on,
        expires_on=expires_on,
        reference=reference,
        protocol_version=protocol_version,
        document=document,
        created_at=at,
    )
    return save_checked(approval, by=by, at=at, reason=reason)


def change_site_status(
    *, site: Site, status: SiteStatus, by: User, at: datetime, reason: str
) -> Site:
    """Move a site to another status; activation needs every approval of its country.

    Source: ICH E6(R3) 4.3.5. Locks: the site's row.
    Raises: StepNotAllowed, ApprovalsMissing, InvalidInput.
    """
    with acting(by=by, at=at, reason=reason):
        locked = Site.objects.select_for_update().get(pk=site.pk)
        rules.check_site_step(before=SiteStatus(locked.status), after=status)
        if status == SiteStatus.ACTIVE:
            rules.check_approvals(needed=_needed(locked), given=_given(locked))
            locked.activated_at = locked.activated_at or at
        if status == SiteStatus.CLOSED:
            locked.closed_at = at
        locked.status = status
        return save_checked(locked, by=by, at=at, reason=reason)


def appoint_principal_investigator(
    *, site: Site, person: User, from_on: date, by: User, at: datetime, reason: str = ""
) -> PrincipalInvestigator:
    """Let `person` lead the site from a day on; the tenure before ends that day.

    Locks: the site's row. Raises: InvalidInput.
    """
    with acting(by=by, at=at, reason=reason):
        Site.objects.select_for_update().get(pk=site.pk)
        PrincipalInvestigator.objects.filter(site=site, to_on__isnull=True).update(to_on=from_on)
        tenure = PrincipalInvestigator(site=site, person=person, from_on=from_on, created_at=at)
        return save_checked(tenure, by=by, at=at, reason=reason)


def _needed(site: Site) -> list[str]:
    return list(
        ApprovalRequirement.objects.filter(Q(country="") | Q(country=site.country)).values_list(
            "kind", flat=True
        )
    )


def _given(site: Site) -> list[str]:
    return list(SiteApproval.objects.filter(site=site).values_list("kind", flat=True))
