"""One patient shared with one person until a date: nothing else, nobody else, no longer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission as AuthPermission
from django.db import IntegrityError, ProgrammingError, connection, transaction

from patients.models import Identity, Patient, PatientShare, PatientUserPermission, VitalSign
from patients.services.sharing import (
    NotAColleague,
    NotShareable,
    end_share,
    share_patient,
)
from portal.access.models import ANCHORS
from portal.access.permissions import Permission as P
from portal.access.scoping import may, visible
from portal.accounts.models import User, UserKind
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_person, make_world
from trials.services.access import sync_access

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    """A world with an investigator and a consultant without any role."""
    made = make_world()
    make_person(made, "lead", "principal_investigator", made.sites[0])
    make_person(made, "consultant")
    return made


@pytest.fixture
def share(world: World) -> Callable[..., PatientShare]:
    """Share the first patient with the consultant for three days."""

    def run(**changes: Any) -> PatientShare:
        at = clock.now()
        asked: dict[str, Any] = {
            "patient": world.patients[0],
            "person": world.people["consultant"],
            "permissions": [P.VITAL_SIGN_VIEW],
            "to_at": at + 3 * DAY,
            "by": world.people["lead"],
            "at": at,
            "reason": "second opinion",
        }
        return share_patient(**asked | changes)

    return run


def consultant(world: World) -> User:
    """Return the consultant as a fresh request has them."""
    return User.objects.get(pk=world.people["consultant"].pk)


def test_share_shows_that_patient_and_what_was_named(
    world: World, share: Callable[..., PatientShare]
) -> None:
    assert not visible(Patient.objects.all(), consultant(world), P.PATIENT_VIEW).exists()
    share()

    patients = visible(Patient.objects.all(), consultant(world), P.PATIENT_VIEW)
    readings = visible(VitalSign.objects.all(), consultant(world), P.VITAL_SIGN_VIEW)
    assert list(patients) == [world.patients[0]]
    assert {row.patient_id for row in readings} == {world.patients[0].pk}
    assert {p for p in P if may(consultant(world), p)} == {P.PATIENT_VIEW, P.VITAL_SIGN_VIEW}


def test_ended_share_shows_nothing_on_the_next_request(
    world: World, share: Callable[..., PatientShare]
) -> None:
    given = share()
    end_share(share=given, by=world.people["lead"], at=clock.now(), reason="answered")
    assert not may(consultant(world), P.PATIENT_VIEW)


def test_share_ends_by_itself_at_its_date(world: World, share: Callable[..., PatientShare]) -> None:
    past = clock.now() - 2 * DAY
    share(at=past, to_at=past + DAY)
    assert not may(consultant(world), P.PATIENT_VIEW)
    assert PatientUserPermission.objects.filter(user=consultant(world)).exists()


def test_share_that_begins_later_shows_nothing_yet(
    world: World, share: Callable[..., PatientShare]
) -> None:
    share(from_at=clock.now() + DAY)
    assert not may(consultant(world), P.PATIENT_VIEW)


@pytest.mark.parametrize(
    "permission",
    [P.ALLOCATION_VIEW, P.IDENTITY_VIEW, P.VITAL_SIGN_RECORD, P.AUDIT_ENTRY_VIEW, P.USER_VIEW],
)
def test_identity_allocation_and_writes_are_never_shared(
    world: World, share: Callable[..., PatientShare], permission: P
) -> None:
    with pytest.raises(NotShareable):
        share(permissions=[permission])
    with (
        pytest.raises(IntegrityError, match="a_share_shows_clinical_records_only"),
        transaction.atomic(),
        acting(by=SYSTEM_ACCOUNT, reason="test"),
    ):
        PatientShare.objects.create(
            patient=world.patients[0],
            person=world.people["consultant"],
            permissions=[permission.value],
            from_at=clock.now(),
            to_at=clock.now() + DAY,
            granted_by=world.people["lead"],
            reason="test",
        )


def test_identity_stays_hidden_from_whom_a_patient_is_shared_with(
    world: World, share: Callable[..., PatientShare]
) -> None:
    share(permissions=[P(code) for code in P if code.is_read and code.resource == "vital_sign"][:1])
    assert not may(consultant(world), P.IDENTITY_VIEW)
    assert not hasattr(Identity, "access_paths") or not visible(
        Identity.objects.all(), consultant(world), P.IDENTITY_VIEW
    )


def test_share_needs_another_active_person_a_reason_and_a_date_ahead(
    world: World, share: Callable[..., PatientShare]
) -> None:
    lead = world.people["lead"]
    patient = make_person(world, "patient", "patient", world.patients[1])
    assert patient.kind == UserKind.PATIENT
    for person in (lead, patient):
        with pytest.raises(NotAColleague):
            share(person=person)
    with pytest.raises(InvalidInput):
        share(reason="")
    with pytest.raises(InvalidInput):
        share(to_at=clock.now() - DAY)
    assert not PatientShare.objects.exists()


def test_rebuilding_the_index_keeps_shares_and_changes_nothing(
    world: World, share: Callable[..., PatientShare]
) -> None:
    share()
    assert sync_access(at=clock.now()) == 0
    PatientUserPermission.objects.all().delete()
    sync_access(at=clock.now())
    assert may(consultant(world), P.VITAL_SIGN_VIEW, world.patients[0])


def test_who_shared_and_why_is_in_the_history(
    world: World, share: Callable[..., PatientShare]
) -> None:
    given = share()
    end_share(share=given, by=world.people["lead"], at=clock.now(), reason="answered")
    rows = TRACKED[PatientShare]._default_manager.filter(pgh_obj=given.pk).order_by("pgh_id")
    told = [(row.pgh_label, row.acted_by, row.acted_reason) for row in rows]
    lead = world.people["lead"].pk
    assert told == [("insert", lead, "second opinion"), ("update", lead, "answered")]


@pytest.mark.parametrize("name", sorted(ANCHORS))
def test_right_to_something_that_does_not_exist_is_refused_by_the_database(
    world: World, name: str
) -> None:
    """T6: no right waits for a record that will be made again under the same key."""
    table: Any = ANCHORS[name]
    with pytest.raises(IntegrityError), transaction.atomic():
        row = table(
            user=world.people["consultant"],
            permission=AuthPermission.objects.first(),
            content_object_id=uuid4(),
            valid_from=clock.now(),
        )
        table.objects.bulk_create([row])
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_patient_with_shares_cannot_be_deleted_so_no_right_outlives_them(
    world: World, share: Callable[..., PatientShare]
) -> None:
    share()
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        acting(by=SYSTEM_ACCOUNT, reason="test"),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM patients_patient WHERE id = %s", [world.patients[0].pk])


def test_deactivated_person_loses_what_was_shared(
    world: World, share: Callable[..., PatientShare]
) -> None:
    share()
    with acting(by=SYSTEM_ACCOUNT, reason="left"):
        User.objects.filter(pk=world.people["consultant"].pk).update(is_active=False)
    assert not may(consultant(world), P.PATIENT_VIEW)


def test_share_reaches_no_other_patient_through_lists_of_records(
    world: World, share: Callable[..., PatientShare]
) -> None:
    given: datetime = share(permissions=[P.ADVERSE_EVENT_VIEW]).from_at
    assert given <= clock.now()
    for patient in world.patients[1:]:
        assert not may(consultant(world), P.ADVERSE_EVENT_VIEW, patient)
