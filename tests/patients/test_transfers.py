"""After a transfer the new site sees all; the old one keeps what it captured."""

import hashlib
from datetime import datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from patients.models import EproReport, Patient, PatientSite, VitalSign
from patients.selectors import vital_signs
from portal.access.permissions import Permission
from portal.access.scoping import may, scopes, visible
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.access.world import World, make_world
from trials.services.assignments import assign_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> datetime:
    return clock.now()


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def moved(world: World, at: datetime) -> Patient:
    """Move the first patient from site 0 to site 1 of the trial; a reading is taken at each."""
    patient = world.patients[0]
    old, new = world.sites[0], world.sites[1]
    assert old.trial_id == new.trial_id == patient.trial_id
    with acting(by=SYSTEM_ACCOUNT, reason="moved house"):
        PatientSite.objects.filter(patient=patient).update(to_at=at)
        PatientSite.objects.create(patient=patient, site=new, from_at=at)
        Patient.objects.filter(pk=patient.pk).update(site=new)
        VitalSign.objects.create(patient=patient, code="weight", received_at=at)
    patient.refresh_from_db()
    return patient


def staff(world: World, index: int, at: datetime) -> User:
    system = User.objects.get(pk=SYSTEM_ACCOUNT)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        person = User.objects.create(username=f"staff{index}")
    site = world.sites[index]
    assign_role(person=person, role="doctor", where=site, from_at=at, by=system, at=at)
    return User.objects.get(pk=person.pk)


def readings(person: User, patient: Patient) -> set[object]:
    rows = visible(VitalSign.objects.filter(patient=patient), person, Permission.VITAL_SIGN_VIEW)
    return set(rows.values_list("site", flat=True))


def test_new_site_sees_what_the_old_one_captured(
    world: World, moved: Patient, at: datetime
) -> None:
    person = staff(world, 1, at)
    assert readings(person, moved) == {world.sites[0].pk, world.sites[1].pk}
    old_reading = VitalSign.objects.get(patient=moved, site=world.sites[0])
    assert may(person, Permission.VITAL_SIGN_VIEW, old_reading)


def test_old_site_keeps_the_patient_and_its_own_rows_and_sees_no_later_one(
    world: World, moved: Patient, at: datetime
) -> None:
    person = staff(world, 0, at)
    assert may(person, Permission.PATIENT_VIEW, moved)
    seen = visible(Patient.objects.all(), person, Permission.PATIENT_VIEW)
    assert seen.filter(pk=moved.pk).exists()
    assert readings(person, moved) == {world.sites[0].pk}
    later = VitalSign.objects.get(patient=moved, site=world.sites[1])
    assert not may(person, Permission.VITAL_SIGN_VIEW, later)


def test_transfer_shows_nothing_to_a_third_site(world: World, moved: Patient, at: datetime) -> None:
    person = staff(world, 2, at)
    assert not may(person, Permission.PATIENT_VIEW, moved)
    assert readings(person, moved) == set()


def test_transfers_cost_one_more_query_a_request(
    world: World, moved: Patient, at: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    person = staff(world, 1, at)
    with django_assert_num_queries(2):
        scopes(person)
        scopes(person)


def test_readings_of_a_report_outside_consent_are_not_shown(world: World, at: datetime) -> None:
    patient = world.patients[0]
    before = set(vital_signs().values_list("pk", flat=True))
    with acting(by=SYSTEM_ACCOUNT, reason="upload"):
        for disposition in ("outside_consent", "late"):
            report = EproReport.objects.create(
                patient=patient,
                submission_id=uuid7(),
                instrument_code="daily-diary",
                instrument_version="1.0",
                authored_at=at,
                received_at=at,
                disposition=disposition,
                raw=b"{}",
                digest=hashlib.sha256(b"{}").digest(),
            )
            VitalSign.objects.create(patient=patient, report=report, code="weight", received_at=at)
    shown = vital_signs().exclude(pk__in=before)
    assert [reading.report.disposition for reading in shown if reading.report] == ["late"]
