"""Assignments: who holds which role where."""

from datetime import datetime

from django.db.models import Q

from portal.access.roles import ROLES
from portal.accounts.models import User
from portal.accounts.services.users import record_changed_roles
from portal.core.errors import InvalidInput
from portal.core.history import acting
from portal.notices.kinds import NoticeKind
from portal.notices.services.telling import About, tell
from trials import rules
from trials.models import Assignment, Site, Sponsor, Trial
from trials.services.access import sync_access
from trials.services.setup import save_checked
from trials.vocabulary import AssignmentScope

Where = Sponsor | Trial | Site | None


def assign_role(
    *,
    person: User,
    role: str,
    where: Where,
    from_at: datetime,
    to_at: datetime | None = None,
    organization: str = "",
    deputy: User | None = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> Assignment:
    """Give `person` a role for a sponsor, a trial or a site (None: the whole portal).

    It takes effect on the person's next request; sessions opened under the old roles end.
    Raises: InvalidInput, RoleNotAtThisScope.
    """
    if role not in ROLES:
        raise InvalidInput("There is no role %(role)s.", role=role)
    scope = _scope(where)
    rules.check_role_scope(role=role, scope=scope, allowed=ROLES[role].levels)
    assignment = Assignment(
        person=person,
        role=role,
        scope=scope,
        organization=organization or person.organization,
        from_at=from_at,
        to_at=to_at,
        granted_by=by,
        deputy=deputy,
        created_at=at,
    )
    if where is not None:
        setattr(assignment, scope.value, where)
    with acting(by=by, at=at, reason=reason):
        is_first = not Assignment.objects.filter(person=person).exists()
        save_checked(assignment, by=by, at=at, reason=reason)
        _apply(person, by=by, at=at, reason=reason)
        if not is_first:
            _tell(assignment, at=at)
    return assignment


def end_assignment(*, assignment: Assignment, by: User, at: datetime, reason: str) -> Assignment:
    """End an assignment now; the person loses what it gave on their next request.

    Locks: the assignment's row.
    """
    with acting(by=by, at=at, reason=reason):
        locked = Assignment.objects.select_for_update().get(pk=assignment.pk)
        locked.to_at = max(at, locked.from_at)
        save_checked(locked, by=by, at=at, reason=reason)
        _apply(locked.person, by=by, at=at, reason=reason)
        _tell(locked, at=at)
    return locked


def _tell(assignment: Assignment, *, at: datetime) -> None:
    """Tell the person that what they may see or do has changed."""
    tell(
        kind=NoticeKind.ACCESS_CHANGED,
        about=About(
            resource="assignment",
            record=assignment.pk,
            trial=assignment.trial_id,
            site=assignment.site_id,
        ),
        people=[assignment.person_id],
        occasion=f"version {assignment.version}",
        at=at,
    )


def _apply(person: User, *, by: User, at: datetime, reason: str) -> None:
    """Bring index, admin access and sessions of one person in line with their assignments."""
    sync_access(at=at, people=[person.pk])
    held = Assignment.objects.filter(Q(to_at__isnull=True) | Q(to_at__gt=at), person=person)
    opens_admin = any(ROLES[role].opens_admin for role in held.values_list("role", flat=True))
    record_changed_roles(user=person, opens_admin=opens_admin, by=by, at=at, reason=reason)


def _scope(where: Where) -> AssignmentScope:
    if where is None:
        return AssignmentScope.PORTAL
    if isinstance(where, Sponsor):
        return AssignmentScope.SPONSOR
    return AssignmentScope.TRIAL if isinstance(where, Trial) else AssignmentScope.SITE
