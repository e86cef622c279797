"""Assignments are the truth about access; the index follows at once and by itself."""

from datetime import datetime, timedelta

import pytest

from patients.models import Patient
from portal.access.models import PortalUserPermission
from portal.access.permissions import Permission
from portal.access.roles import ROLES, Level
from portal.access.scoping import may, scope, visible
from portal.accounts.models import User
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_world
from trials.models import Assignment, SiteUserPermission, Trial, TrialUserPermission
from trials.rules import RoleNotAtThisScope
from trials.services.access import sync_access
from trials.services.assignments import assign_role, end_assignment
from trials.services.setup import create_trial

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def system() -> User:
    return User.objects.get(pk=SYSTEM_ACCOUNT)


@pytest.fixture
def ana() -> User:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        return User.objects.create(username="ana")


@pytest.fixture
def at() -> datetime:
    return clock.now()


def seen(user: User) -> set[object]:
    """Return the patients that a fresh request of `user` sees."""
    fresh = User.objects.get(pk=user.pk)
    return set(
        visible(Patient.objects.all(), fresh, Permission.PATIENT_VIEW).values_list("pk", flat=True)
    )


def test_role_at_a_site_shows_that_site_alone(
    world: World, ana: User, system: User, at: datetime
) -> None:
    site = world.sites[0]
    assign_role(person=ana, role="doctor", where=site, from_at=at, by=system, at=at)
    assert seen(ana) == {p.pk for p in world.patients if p.site_id == site.pk}


def test_role_for_a_sponsor_shows_its_trials_and_those_made_later(
    world: World, ana: User, system: User, at: datetime
) -> None:
    sponsor = world.sponsors[0]
    assign_role(person=ana, role="data_manager", where=sponsor, from_at=at, by=system, at=at)
    own = {trial.pk for trial in world.trials if trial.sponsor_id == sponsor.pk}
    assert seen(ana) == {p.pk for p in world.patients if p.trial_id in own}
    later = create_trial(
        sponsor=sponsor, number="LATER", title="Later", blinding="open", by=system, at=at
    )
    assert may(User.objects.get(pk=ana.pk), Permission.TRIAL_VIEW, later)


def test_role_for_the_portal_shows_everything(
    world: World, ana: User, system: User, at: datetime
) -> None:
    assign_role(person=ana, role="inspector", where=None, from_at=at, by=system, at=at)
    assert seen(ana) == {p.pk for p in world.patients}


def test_ended_assignment_shows_nothing_on_the_next_request(
    world: World, ana: User, system: User, at: datetime
) -> None:
    given = assign_role(
        person=ana, role="doctor", where=world.sites[0], from_at=at, by=system, at=at
    )
    assert seen(ana)
    end_assignment(assignment=given, by=system, at=clock.now(), reason="left")
    assert not seen(ana)


@pytest.mark.parametrize("where", ["portal", "trial", "site"])
def test_assignment_begins_and_ends_by_itself(
    world: World, ana: User, system: User, at: datetime, where: str
) -> None:
    role, target = {
        "portal": ("inspector", None),
        "trial": ("cra", world.trials[0]),
        "site": ("doctor", world.sites[0]),
    }[where]
    for begins, ends, is_seen in (
        (at - timedelta(days=2), at - timedelta(seconds=1), False),
        (at + timedelta(hours=1), None, False),
        (at - timedelta(days=1), at + timedelta(days=1), True),
    ):
        given = assign_role(
            person=ana, role=role, where=target, from_at=begins, to_at=ends, by=system, at=begins
        )
        assert bool(seen(ana)) is is_seen
        end_assignment(assignment=given, by=system, at=at, reason="next case")


def test_rebuilding_the_index_changes_nothing(
    world: World, ana: User, system: User, at: datetime
) -> None:
    for role, where in (
        ("cra", world.trials[0]),
        ("doctor", world.sites[3]),
        ("data_manager", world.sponsors[0]),
        ("inspector", None),
    ):
        assign_role(person=ana, role=role, where=where, from_at=at, by=system, at=at)
    assert sync_access(at=at) == 0


def test_index_that_was_damaged_is_rebuilt_from_the_assignments(
    world: World, ana: User, system: User, at: datetime
) -> None:
    assign_role(person=ana, role="doctor", where=world.sites[0], from_at=at, by=system, at=at)
    before = set(SiteUserPermission.objects.values_list("permission", "content_object"))
    SiteUserPermission.objects.filter(user=ana).delete()
    assert not seen(ana)
    assert sync_access(at=at) == len(before)
    assert set(SiteUserPermission.objects.values_list("permission", "content_object")) == before


def test_deactivated_person_sees_nothing(
    world: World, ana: User, system: User, at: datetime
) -> None:
    assign_role(person=ana, role="inspector", where=None, from_at=at, by=system, at=at)
    with acting(by=SYSTEM_ACCOUNT, reason="left"):
        User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not seen(ana)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_role_is_refused_at_every_level_it_does_not_have(
    world: World, ana: User, system: User, at: datetime, role: str
) -> None:
    places = {
        Level.PORTAL: None,
        Level.SPONSOR: world.sponsors[0],
        Level.TRIAL: world.trials[0],
        Level.SITE: world.sites[0],
    }
    for level, where in places.items():
        if level in ROLES[role].levels:
            assign_role(person=ana, role=role, where=where, from_at=at, by=system, at=at)
        else:
            with pytest.raises(RoleNotAtThisScope):
                assign_role(person=ana, role=role, where=where, from_at=at, by=system, at=at)


def test_unknown_role_is_refused(world: World, ana: User, system: User, at: datetime) -> None:
    with pytest.raises(InvalidInput):
        assign_role(person=ana, role="king", where=None, from_at=at, by=system, at=at)


def test_assignment_that_ends_before_it_begins_is_refused(
    world: World, ana: User, system: User, at: datetime
) -> None:
    with pytest.raises(InvalidInput) as caught:
        assign_role(
            person=ana,
            role="cra",
            where=world.trials[0],
            from_at=at,
            to_at=at - timedelta(days=1),
            by=system,
            at=at,
        )
    assert caught.value.errors
    assert not Assignment.objects.exists()


def test_assigning_opens_the_admin_and_the_last_end_closes_it(
    world: World, ana: User, system: User, at: datetime
) -> None:
    given = assign_role(person=ana, role="cra", where=world.trials[0], from_at=at, by=system, at=at)
    assert User.objects.get(pk=ana.pk).is_staff
    end_assignment(assignment=given, by=system, at=clock.now(), reason="left")
    assert not User.objects.get(pk=ana.pk).is_staff


def test_scope_is_resolved_in_two_queries(
    world: World,
    ana: User,
    system: User,
    at: datetime,
    django_assert_num_queries: object,
) -> None:
    for site in world.sites[:2]:
        assign_role(person=ana, role="doctor", where=site, from_at=at, by=system, at=at)
    fresh = User.objects.get(pk=ana.pk)
    with django_assert_num_queries(2):  # type: ignore[operator]
        for permission in Permission:
            scope(fresh, permission)


def test_nothing_but_the_index_tables_is_asked_for_rights(world: World, ana: User) -> None:
    assert not PortalUserPermission.objects.filter(user=ana).exists()
    assert not TrialUserPermission.objects.filter(user=ana).exists()
    assert not visible(Trial.objects.all(), ana, Permission.TRIAL_VIEW).exists()
