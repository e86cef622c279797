"""Properties of access, over generated assignments and delegations (security: T2)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from patients.models import Patient
from portal.access.permissions import Permission as P
from portal.access.roles import ROLES, Level
from portal.access.scoping import may, visible
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests import soaks
from tests.access.fixtures import world
from tests.access.world import World
from trials.models import Assignment, Delegation
from trials.rules import TASKS_FOR
from trials.services.access import sync_access
from trials.vocabulary import DelegatedTask

pytestmark = pytest.mark.django_db
__all__ = ["world"]

HOURS = st.integers(-48, 48).filter(bool)
ASSIGNABLE = sorted(
    (code, level) for code, role in ROLES.items() for level in role.levels - {Level.PATIENT}
)
ASSIGNMENTS = st.tuples(
    st.just("assignment"),
    st.sampled_from(ASSIGNABLE),
    st.integers(0, 3),
    HOURS,
    st.none() | st.integers(1, 96),
)
# task, site, effective from, lasting, recorded, accepted
DELEGATIONS = st.tuples(
    st.just("delegation"),
    st.sampled_from(DelegatedTask),
    st.integers(0, 3),
    HOURS,
    st.none() | st.integers(1, 96),
    HOURS,
    st.none() | HOURS,
)
GIVEN = st.lists(ASSIGNMENTS | DELEGATIONS, min_size=1, max_size=6)
Seen = set[tuple[P, Any]]


def seen(world: World, facts: Iterable[tuple[Any, ...]], at: datetime) -> Seen:
    """Return (permission, patient) of what a person with exactly these facts may, then undo."""
    with transaction.atomic():
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            person = User.objects.create(username="somebody", password="!")
            for fact in facts:
                _record(world, person, fact, at)
            sync_access(at=at, people=[person.pk])
        found = {
            (p, patient.pk) for p in P for patient in world.patients if may(person, p, patient)
        }
        for permission in (P.PATIENT_VIEW, P.VITAL_SIGN_RECORD):
            listed = visible(Patient.objects.all(), person, permission)
            assert {(permission, pk) for pk in listed.values_list("pk", flat=True)} == {
                pair for pair in found if pair[0] == permission
            }
        transaction.set_rollback(True)
    return found


def _record(world: World, person: User, fact: tuple[Any, ...], at: datetime) -> None:
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    if fact[0] == "assignment":
        _, (role, level), place, hours, lasting = fact
        begins = at + timedelta(hours=hours)
        named = {} if level == Level.PORTAL else {level.value: place_of(world, level, place)}
        Assignment.objects.create(
            person=person,
            role=role,
            scope=level,
            from_at=begins,
            to_at=lasting and begins + timedelta(hours=lasting),
            granted_by=system,
            **named,
        )
    else:
        _, task, place, hours, lasting, recorded, accepted = fact
        begins = at + timedelta(hours=hours)
        Delegation.objects.create(
            site=world.sites[place],
            principal_investigator=system,
            delegate=person,
            task=task,
            effective_from=begins,
            effective_to=lasting and begins + timedelta(hours=lasting),
            recorded_at=at + timedelta(hours=recorded),
            accepted_at=accepted and at + timedelta(hours=accepted),
        )


def place_of(world: World, level: Level, place: int) -> Any:
    """Return the place of an assignment."""
    places: dict[Level, list[Any]] = {
        Level.SPONSOR: world.sponsors,
        Level.TRIAL: world.trials,
        Level.SITE: world.sites,
    }
    return places[level][place % len(places[level])]


def expected(world: World, facts: Iterable[tuple[Any, ...]]) -> Seen:
    """Say the same without the index: hour by hour, straight from the facts."""
    facts = list(facts)
    tasks = {
        (world.sites[place].pk, task)
        for kind, task, place, hours, lasting, recorded, accepted in (
            fact for fact in facts if fact[0] == "delegation"
        )
        if hours <= 0 and (lasting is None or hours + lasting > 0)
        if recorded <= 0 and accepted is not None and accepted <= 0
    }
    found: Seen = set()
    for _, (code, level), place, hours, lasting in (f for f in facts if f[0] == "assignment"):
        if hours > 0 or (lasting is not None and hours + lasting <= 0):
            continue
        for patient in world.patients:
            if not _reaches(world, level, place, patient):
                continue
            for permission in ROLES[code].permissions:
                needed = TASKS_FOR.get(permission) if ROLES[code].needs_delegation else None
                if needed is None or any((patient.site_id, t) in tasks for t in needed):
                    found.add((permission, patient.pk))
    return found


def _reaches(world: World, level: Level, place: int, patient: Patient) -> bool:
    if level == Level.PORTAL:
        return True
    named = place_of(world, level, place).pk
    return (
        named
        in {
            Level.SITE: {patient.site_id},
            Level.TRIAL: {patient.trial_id},
            Level.SPONSOR: {t.sponsor_id for t in world.trials if t.pk == patient.trial_id},
        }[level]
    )


def check(world: World, facts: list[tuple[Any, ...]], out: int) -> None:
    """Compare with the facts, and with what is left when one of them is taken away."""
    at = clock.now()
    everything = seen(world, facts, at)
    assert everything == expected(world, facts)
    fewer = [fact for index, fact in enumerate(facts) if index != out % len(facts)]
    assert seen(world, fewer, at) <= everything


OFTEN = settings(
    deadline=None,
    max_examples=200,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@OFTEN
@given(facts=GIVEN, out=st.integers(0, 5))
def test_taking_one_right_away_never_shows_more_and_the_index_tells_the_truth(
    world: World, facts: list[tuple[Any, ...]], out: int
) -> None:
    check(world, facts, out)


@pytest.mark.soak
@settings(OFTEN, max_examples=soaks.trials(2_000), derandomize=False)
@given(facts=GIVEN, out=st.integers(0, 5))
def test_the_same_over_two_thousand_worlds(
    world: World, facts: list[tuple[Any, ...]], out: int
) -> None:
    check(world, facts, out)
