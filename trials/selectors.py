"""Reads of trials that span models: who works at a site; who had access, from history."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.access import reports
from portal.access.reports import Access, Window, versions
from portal.access.roles import ROLES
from portal.accounts.models import User
from trials import rules
from trials.models import Assignment, Delegation, Site, Sponsor, Trial


def staff_of(site: Site, *, at: datetime) -> QuerySet[User]:
    """Return the active people who hold a site role at `site`, now or later."""
    roles = [code for code, role in ROLES.items() if role.is_site_staff]
    held = Assignment.objects.filter(Q(to_at__isnull=True) | Q(to_at__gt=at), site=site)
    return User.objects.filter(
        is_active=True, pk__in=held.filter(role__in=roles).values("person_id")
    )


@reports.source
def access_of_assignments(period: Window, trial: UUID | None) -> Iterator[Access]:
    """Yield what assignments gave during `period`."""
    names = _names()
    sites = dict(Site.objects.values_list("pk", "trial_id"))
    sponsors = dict(Trial.objects.values_list("pk", "sponsor_id"))
    for row, recorded in versions(Assignment, period):
        place = row.sponsor_id or row.trial_id or row.site_id
        concerned = (None, row.trial_id, sites.get(row.site_id))
        elsewhere = place and trial not in concerned and sponsors.get(trial) != row.sponsor_id
        held = Window(row.from_at, row.to_at).common(recorded)
        if held is None or (trial is not None and elsewhere):
            continue
        yield Access(
            person=row.person_id,
            via="assignment",
            what=row.role,
            scope=row.scope,
            place=place,
            place_name=names.get(place, ""),
            window=held,
            granted_by=row.granted_by_id,
            record=row.pgh_obj_id,
            organization=row.organization,
        )


@reports.source
def access_of_delegations(period: Window, trial: UUID | None) -> Iterator[Access]:
    """Yield the tasks that were delegated during `period`; with the role at the site they count."""
    names = _names()
    sites = dict(Site.objects.values_list("pk", "trial_id"))
    for row, recorded in versions(Delegation, period):
        span = rules.delegation_span(
            effective_from=row.effective_from,
            effective_to=row.effective_to,
            recorded_at=row.recorded_at,
            accepted_at=row.accepted_at,
        )
        held = Window(*span).common(recorded) if span else None
        if held is None or (trial is not None and sites[row.site_id] != trial):
            continue
        yield Access(
            person=row.delegate_id,
            via="delegation",
            what=row.task,
            scope="site",
            place=row.site_id,
            place_name=names[row.site_id],
            window=held,
            granted_by=row.principal_investigator_id,
            record=row.pgh_obj_id,
        )


def _names() -> dict[UUID | None, str]:
    names: dict[UUID | None, str] = dict(Sponsor.objects.values_list("pk", "name"))
    names.update(Trial.objects.values_list("pk", "number"))
    for pk, number, code in Site.objects.values_list("pk", "trial__number", "code"):
        names[pk] = f"{number} {code}"
    return names
