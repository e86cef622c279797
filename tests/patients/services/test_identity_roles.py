"""Who may know who a patient is: those who treat them, and nobody else."""

import pytest

from patients.services.identities import (
    NotFound,
    amend_identity,
    find_by_name,
    other_patients_of_person,
    read_identity,
)
from patients.vocabulary import IdentityPurpose
from portal.access.permissions import Permission as P
from portal.access.roles import ROLES
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.errors import NotPermitted
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, anchor_for, make_person
from tests.patients.services.people import identify, investigator, person
from trials.models import PrincipalInvestigator, Site
from trials.services.delegations import delegate_task
from trials.vocabulary import DelegatedTask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("undone")]
TREAT = {"principal_investigator", "doctor", "study_coordinator"}


@pytest.mark.req("PV-01")
def test_site_staff_who_treat_and_nobody_else_hold_identity() -> None:
    holders = {code for code, role in ROLES.items() if P.IDENTITY_VIEW in role.permissions}
    assert holders == TREAT
    assert all(ROLES[code].is_site_staff and ROLES[code].levels == {"site"} for code in TREAT)


@pytest.mark.parametrize("role", sorted(TREAT))
def test_who_treats_the_patient_knows_who_it_is(role: str, world: World) -> None:
    patient = world.patients[0]
    identify(patient, investigator(world, world.sites[0]))
    user = make_person(world, f"a_{role}", role, world.sites[0])

    data = read_identity(patient=patient, by=user, at=clock.now(), purpose=IdentityPurpose.CARE)

    assert data == person()


@pytest.mark.parametrize("role", ["doctor", "study_coordinator"])
def test_identity_is_amended_by_those_delegated_to_write_the_patients_data(
    role: str, world: World
) -> None:
    patient, at = world.patients[0], clock.now()
    lead = investigator(world, patient.site)
    identify(patient, lead)
    user = make_person(world, f"a_{role}", role, patient.site)
    change = {"patient": patient, "changes": {"name": "Q"}, "at": at, "reason": "misspelled"}

    with pytest.raises(NotPermitted):
        amend_identity(by=user, **change)
    _delegate(lead, user, patient.site)
    amend_identity(by=User.objects.get(pk=user.pk), **change)

    told = read_identity(patient=patient, by=lead, at=at, purpose=IdentityPurpose.CARE)
    assert told == person(name="Q")


def _delegate(lead: User, user: User, site: Site) -> None:
    at = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PrincipalInvestigator.objects.create(site=site, person=lead, from_on=at.date())
    delegate_task(
        site=site,
        principal_investigator=lead,
        delegate=user,
        task=DelegatedTask.DATA_ENTRY,
        effective_from=at,
        accepted_at=at,
        by=lead,
        at=at,
    )


@pytest.mark.parametrize("role", sorted(set(ROLES) - TREAT))
def test_everybody_else_is_refused_and_nothing_is_recorded_as_seen(role: str, world: World) -> None:
    patient = world.patients[0]
    identify(patient, investigator(world, world.sites[0]))
    user = make_person(world, f"a_{role}", role, anchor_for(world, role))
    at = clock.now()
    sees_patient = P.PATIENT_VIEW in ROLES[role].permissions
    refusal = NotPermitted if sees_patient else NotFound

    with pytest.raises(refusal):
        read_identity(patient=patient, by=user, at=at, purpose=IdentityPurpose.CARE)
    with pytest.raises(refusal):
        amend_identity(patient=patient, changes={"name": "Q"}, by=user, at=at, reason="x")
    with pytest.raises(refusal):
        other_patients_of_person(patient=patient, by=user, at=at)
    with pytest.raises(NotPermitted):
        find_by_name(name="Quirina Xylander-Zhuk", by=user, at=at)
    assert not AuditEntry.objects.filter(resource="identity").exists()


@pytest.mark.parametrize("role", sorted(TREAT))
def test_who_treats_others_finds_no_such_patient(role: str, world: World) -> None:
    patient = world.patients[0]
    identify(patient, investigator(world, world.sites[0]))
    user = make_person(world, f"b_{role}", role, world.sites[1])

    with pytest.raises(NotFound):
        read_identity(patient=patient, by=user, at=clock.now(), purpose=IdentityPurpose.CARE)
    assert find_by_name(name="Quirina Xylander-Zhuk", by=user, at=clock.now()) == []
