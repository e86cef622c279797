"""Site staff act within the tasks that their investigator has delegated, while they are in force.

Source: ICH E6(R3) 2.3.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from patients.models import Patient, VitalSign
from portal.access.permissions import Permission as P
from portal.access.scoping import allowed_actions, may, visible
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_person, make_world
from trials.models import Delegation, PrincipalInvestigator
from trials.services.access import sync_access
from trials.services.assignments import assign_role, end_assignment
from trials.services.delegations import (
    NotTheDelegate,
    accept_delegation,
    delegate_task,
    end_delegation,
)
from trials.vocabulary import DelegatedTask as Task

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    """A world with an investigator, a coordinator and a doctor at its first site."""
    made = make_world()
    for name in ("principal_investigator", "study_coordinator", "doctor"):
        make_person(made, name, name, made.sites[0])
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PrincipalInvestigator.objects.create(
            site=made.sites[0],
            person=made.people["principal_investigator"],
            from_on=(clock.now() - timedelta(days=30)).date(),
        )
    return made


@pytest.fixture
def at() -> datetime:
    return clock.now()


def delegate(world: World, to: str, task: Task, at: datetime, **changes: Any) -> Delegation:
    """Let the investigator delegate; accepted at once unless said otherwise."""
    lead = world.people["principal_investigator"]
    asked: dict[str, Any] = {
        "site": world.sites[0],
        "principal_investigator": lead,
        "delegate": world.people[to],
        "task": task,
        "effective_from": at,
        "accepted_at": at,
        "by": lead,
        "at": at,
        "reason": "test",
    }
    return delegate_task(**asked | changes)


def can(world: World, who: str, permission: P, *, patient: int = 0) -> bool:
    """Tell whether somebody may, asked as by a fresh request."""
    fresh = User.objects.get(pk=world.people[who].pk)
    return may(fresh, permission, Patient.objects.get(pk=world.patients[patient].pk))


def test_investigator_acts_without_delegation(world: World) -> None:
    assert can(world, "principal_investigator", P.VITAL_SIGN_RECORD)
    assert can(world, "principal_investigator", P.ADVERSE_EVENT_ASSESS)


@pytest.mark.parametrize("who", ["study_coordinator", "doctor"])
def test_without_delegation_site_staff_read_and_write_nothing(world: World, who: str) -> None:
    assert can(world, who, P.VITAL_SIGN_VIEW)
    assert not any(can(world, who, permission) for permission in P if not permission.is_read)


@pytest.mark.parametrize(
    ("task", "allowed", "refused"),
    [
        (Task.CONSENT, P.CONSENT_RECORD, P.VITAL_SIGN_RECORD),
        (Task.SAMPLING, P.VITAL_SIGN_RECORD, P.CONSENT_RECORD),
        (Task.DATA_ENTRY, P.ADVERSE_EVENT_REPORT, P.CONSENT_RECORD),
        (Task.QUERY_RESOLUTION, P.DATA_FINDING_RESOLVE, P.VISIT_RECORD),
    ],
)
def test_task_lets_its_delegate_do_what_belongs_to_it_and_no_more(
    world: World, at: datetime, task: Task, allowed: P, refused: P
) -> None:
    delegate(world, "study_coordinator", task, at)
    assert can(world, "study_coordinator", allowed)
    assert not can(world, "study_coordinator", refused)
    assert not can(world, "doctor", allowed)


def test_medical_judgment_is_no_coordinators_whatever_is_delegated(
    world: World, at: datetime
) -> None:
    for task in Task:
        delegate(world, "study_coordinator", task, at)
    for permission in (P.ADVERSE_EVENT_ASSESS, P.LAB_RESULT_ASSESS, P.PATIENT_JUDGE_ELIGIBILITY):
        assert not can(world, "study_coordinator", permission)
    delegate(world, "doctor", Task.MEDICAL_ASSESSMENT, at)
    assert can(world, "doctor", P.ADVERSE_EVENT_ASSESS)


def test_delegation_counts_at_its_own_site_only(world: World, at: datetime) -> None:
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    coordinator = world.people["study_coordinator"]
    assign_role(
        person=coordinator,
        role="study_coordinator",
        where=world.sites[1],
        from_at=at,
        by=system,
        at=at,
    )
    delegate(world, "study_coordinator", Task.SAMPLING, at)
    elsewhere = next(i for i, p in enumerate(world.patients) if p.site_id == world.sites[1].pk)
    assert can(world, "study_coordinator", P.VITAL_SIGN_VIEW, patient=elsewhere)
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD, patient=elsewhere)


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("not accepted", {"accepted_at": None}),
        ("accepted later", {"accepted_at": HOUR}),
        ("not yet effective", {"effective_from": HOUR}),
    ],
)
def test_delegation_does_not_count_before_its_time(
    world: World, at: datetime, why: str, changes: dict[str, Any]
) -> None:
    shifted = {k: at + v if isinstance(v, timedelta) else v for k, v in changes.items()}
    delegate(world, "study_coordinator", Task.SAMPLING, at, **shifted)
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD), why


def test_delegation_recorded_late_never_grants_backwards(world: World, at: datetime) -> None:
    given = delegate(
        world, "study_coordinator", Task.SAMPLING, at + HOUR, effective_from=at - 5 * HOUR
    )
    assert given.effective_from < at < given.recorded_at
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD)


def test_delegate_accepts_and_nobody_else(world: World, at: datetime) -> None:
    given = delegate(world, "study_coordinator", Task.SAMPLING, at, accepted_at=None)
    with pytest.raises(NotTheDelegate):
        accept_delegation(delegation=given, by=world.people["doctor"], at=at)
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD)
    accept_delegation(delegation=given, by=world.people["study_coordinator"], at=clock.now())
    assert can(world, "study_coordinator", P.VITAL_SIGN_RECORD)


def test_ended_delegation_refuses_on_the_next_request(world: World, at: datetime) -> None:
    given = delegate(world, "study_coordinator", Task.SAMPLING, at)
    assert can(world, "study_coordinator", P.VITAL_SIGN_RECORD)
    lead = world.people["principal_investigator"]
    end_delegation(delegation=given, by=lead, at=clock.now(), reason="left the team")
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD)


def test_delegation_that_expired_refuses_without_a_rebuild(world: World, at: datetime) -> None:
    given = delegate(world, "study_coordinator", Task.SAMPLING, at - 2 * HOUR)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Delegation.objects.filter(pk=given.pk).update(effective_to=at - HOUR / 60)
        sync_access(at=at - HOUR)
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD)


def test_delegation_gives_nothing_without_the_role(world: World, at: datetime) -> None:
    delegate(world, "study_coordinator", Task.SAMPLING, at)
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    for assignment in world.people["study_coordinator"].assignments.all():
        end_assignment(assignment=assignment, by=system, at=clock.now(), reason="left")
    assert not can(world, "study_coordinator", P.VITAL_SIGN_RECORD)


def test_lists_and_allowed_actions_follow_the_same_check(world: World, at: datetime) -> None:
    delegate(world, "study_coordinator", Task.SAMPLING, at)
    fresh = User.objects.get(pk=world.people["study_coordinator"].pk)
    rows = visible(VitalSign.objects.all(), fresh, P.VITAL_SIGN_RECORD)
    assert {row.site_id for row in rows} == {world.sites[0].pk}
    offered = {"record": P.VITAL_SIGN_RECORD, "consent": P.CONSENT_RECORD}
    assert allowed_actions(fresh, rows[0], offered) == ["record"]


def test_rebuilding_the_index_with_delegations_changes_nothing(world: World, at: datetime) -> None:
    for task in (Task.SAMPLING, Task.DATA_ENTRY, Task.CONSENT):
        delegate(world, "study_coordinator", task, at)
    assert sync_access(at=clock.now()) == 0
