"""The index of rights, brought in line with assignments and delegations."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from portal.access import grants
from portal.access.grants import Grant, People
from portal.access.people import roles_from
from portal.access.permissions import Permission as P
from portal.access.roles import ROLES
from trials import rules
from trials.models import Assignment, Delegation, Trial
from trials.vocabulary import AssignmentScope, DelegatedTask


@roles_from
def people_of_roles(
    roles: Collection[str], trial: UUID | None, site: UUID | None, at: datetime
) -> set[UUID]:
    """Return who holds one of `roles` by an assignment in force that reaches the place."""
    in_force = Assignment.objects.filter(
        Q(to_at__isnull=True) | Q(to_at__gt=at), role__in=roles, from_at__lte=at
    )
    reaches = Q(scope=AssignmentScope.PORTAL)
    if trial is not None:
        reaches |= Q(trial=trial) | Q(sponsor__trials=trial)
    if site is not None:
        reaches |= Q(site=site)
    return set(in_force.filter(reaches).values_list("person_id", flat=True))


def sync_access(*, at: datetime, people: Iterable[UUID] | None = None) -> int:
    """Rebuild the index (of `people`, or of everybody) and return how many rows changed.

    Locks: see portal.access.grants.sync.
    """
    return grants.sync(at=at, people=people)


@grants.source
def grants_of_assignments(people: People, at: datetime) -> Iterator[Grant]:
    """Yield what assignments that have not ended give; a sponsor's one for each of its trials.

    Site staff are given what they write task by task, by the delegations of their investigator.
    """
    assignments = Assignment.objects.filter(Q(to_at__isnull=True) | Q(to_at__gt=at)).order_by("id")
    if people is not None:
        assignments = assignments.filter(person__in=people)
    trials: dict[UUID, list[UUID]] = {}
    for trial_id, sponsor_id in Trial.objects.values_list("id", "sponsor_id"):
        trials.setdefault(sponsor_id, []).append(trial_id)
    delegated = _delegated(people, at)
    for assignment in assignments.iterator():
        for anchor, anchor_id in _anchors(assignment, trials):
            tasks = delegated.get((assignment.person_id, anchor_id), ())
            for permissions, (begins, ends) in _given(assignment, tasks):
                yield Grant(
                    user=assignment.person_id,
                    permissions=permissions,
                    anchor=anchor,
                    anchor_id=anchor_id,
                    valid_from=begins,
                    valid_until=ends,
                )


Tasks = Iterable[tuple[DelegatedTask, rules.Span]]


def _given(assignment: Assignment, tasks: Tasks) -> Iterator[tuple[frozenset[P], rules.Span]]:
    """Yield what an assignment gives and when."""
    role = ROLES[assignment.role]
    held: rules.Span = (assignment.from_at, assignment.to_at)
    if not role.needs_delegation:
        yield role.permissions, held
        return
    yield rules.needing_no_delegation(role.permissions), held
    for task, span in tasks:
        both = rules.overlap(held, span)
        if both is not None:
            yield rules.let_by(task, role.permissions), both


def _delegated(
    people: People, at: datetime
) -> dict[tuple[UUID, UUID | None], list[tuple[DelegatedTask, rules.Span]]]:
    """Return the tasks given to each person at each site and not yet taken back at `at`."""
    delegations = Delegation.objects.filter(Q(effective_to__isnull=True) | Q(effective_to__gt=at))
    if people is not None:
        delegations = delegations.filter(delegate__in=people)
    given: dict[tuple[UUID, UUID | None], list[tuple[DelegatedTask, rules.Span]]] = {}
    for delegation in delegations.order_by("id").iterator():
        span = rules.delegation_span(
            effective_from=delegation.effective_from,
            effective_to=delegation.effective_to,
            recorded_at=delegation.recorded_at,
            accepted_at=delegation.accepted_at,
        )
        if span is not None:
            key = (delegation.delegate_id, delegation.site_id)
            given.setdefault(key, []).append((DelegatedTask(delegation.task), span))
    return given


def _anchors(
    assignment: Assignment, trials: dict[UUID, list[UUID]]
) -> Iterator[tuple[str, UUID | None]]:
    match AssignmentScope(assignment.scope):
        case AssignmentScope.PORTAL:
            yield "portal", None
        case AssignmentScope.SPONSOR:
            assert assignment.sponsor_id is not None
            for trial_id in trials.get(assignment.sponsor_id, ()):
                yield "trial", trial_id
        case AssignmentScope.TRIAL:
            yield "trial", assignment.trial_id
        case AssignmentScope.SITE:
            yield "site", assignment.site_id
