"""Who a patient is: sealed in the database, read by those who treat them, every look recorded."""

import json
import pickle
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from patients.models import Identity, IdentityKey, Patient, PatientIdentity, VitalSign
from patients.services.identities import (
    AlreadyIdentified,
    AnotherInstitution,
    ReasonMissing,
    SameTrial,
    amend_identity,
    erase_identity,
    find_by_identifier,
    find_by_name,
    link_patient,
    other_patients_of_person,
    read_identity,
)
from patients.services.identity_keys import ring_of
from patients.services.personal_data import COLUMNS, PersonalData, stated_in
from patients.vocabulary import ErasedPart, ErasureBasis, IdentityPurpose
from portal.accounts.models import User
from portal.api.errors import problem_of
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.errors import InvalidInput, NotFound, NotPermitted
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from portal.core.sealed import KeyMissing, SealBroken, key_id_of
from tests.access.world import World, add_patient, make_person
from tests.patients.services.people import (
    CANARIES,
    identify,
    index_text,
    investigator,
    person,
    ring_text,
)
from trials.models import Site
from trials.services.assignments import assign_role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("undone")]
CONTACT = IdentityPurpose.CONTACT


@pytest.fixture
def ines(world: World, undone: None) -> User:
    return investigator(world, world.sites[0])


@pytest.fixture
def patient(world: World) -> Patient:
    return world.patients[0]


def read(patient: Patient, by: User, purpose: IdentityPurpose = CONTACT) -> PersonalData:
    return read_identity(patient=patient, by=by, at=clock.now(), purpose=purpose)


def amend(patient: Patient, by: User, reason: str = "married", **changes: Any) -> Identity:
    return amend_identity(patient=patient, changes=changes, by=by, at=clock.now(), reason=reason)


def names_found(text: str, by: User) -> list[Patient]:
    return find_by_name(name=text, by=by, at=clock.now())


def entries() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(resource="identity").order_by("id"))


def test_what_was_recorded_is_read_again(patient: Patient, ines: User) -> None:
    identity = identify(patient, ines)

    assert read(patient, ines) == person()
    assert identity.institution_id == patient.site.institution_id


def test_parts_that_are_unknown_stay_unknown(patient: Patient, ines: User) -> None:
    only_year = PersonalData(birth_date=PartialDateTime("1931"))
    identify(patient, ines, name=None, birth_date=PartialDateTime("1931"), contact={},
             identifiers={})  # fmt: skip

    assert read(patient, ines) == only_year


@pytest.mark.req("PV-03")
def test_every_look_is_recorded_with_purpose_and_parts(patient: Patient, ines: User) -> None:
    identity = identify(patient, ines, contact={})
    read(patient, ines, IdentityPurpose.SAFETY)

    [entry] = entries()
    assert (entry.action, entry.acted_by, entry.patient_id) == ("viewed", ines.pk, patient.pk)
    assert (entry.record_id, entry.trial_id, entry.site_id) == (
        identity.pk, patient.trial_id, patient.site_id,
    )  # fmt: skip
    assert entry.detail == {"purpose": "safety", "fields": ["name", "birth_date", "identifiers"]}


@pytest.mark.req("PV-03")
def test_nothing_is_shown_that_could_not_be_recorded(patient: Patient, ines: User) -> None:
    identify(patient, ines)
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before_reading")
        cursor.execute("SET LOCAL transaction_read_only = on")
        with pytest.raises(DatabaseError):
            read(patient, ines)
        cursor.execute("ROLLBACK TO SAVEPOINT before_reading")


def test_amended_part_changes_and_the_others_stay(patient: Patient, ines: User) -> None:
    before = identify(patient, ines)
    after = amend(patient, ines, name="Quirina Zhuk")

    assert read(patient, ines) == person(name="Quirina Zhuk")
    assert after.version == before.version + 1
    assert names_found(CANARIES["name"], ines) == []
    assert names_found("quirina ZHUK", ines) == [patient]


@pytest.mark.parametrize("reason", ["", "  "])
def test_amendment_needs_a_reason(reason: str, patient: Patient, ines: User) -> None:
    identify(patient, ines)

    with pytest.raises(ReasonMissing):
        amend(patient, ines, reason, name="Quirina Zhuk")


def test_reason_of_an_amendment_is_in_the_history(patient: Patient, ines: User) -> None:
    identity = identify(patient, ines)
    amend(patient, ines, "married", name="Quirina Zhuk")

    rows = TRACKED[Identity].objects.filter(pgh_obj_id=identity.pk).order_by("pgh_id")
    assert [(row.pgh_label, row.acted_by, row.acted_reason) for row in rows] == [
        ("insert", ines.pk, ""),
        ("update", ines.pk, "married"),
    ]


@pytest.mark.req("PV-01")
def test_history_of_an_identity_is_ciphertext(patient: Patient, ines: User) -> None:
    identity = identify(patient, ines)
    amend(patient, ines, name="Quirina Zhuk")

    for row in TRACKED[Identity].objects.filter(pgh_obj_id=identity.pk):
        for column in COLUMNS:
            assert bytes(getattr(row, column))[:2] == b"\x01\x24"
            assert b"Quirina" not in bytes(getattr(row, column))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"name": "x" * 1001},
        {"name": "a\x00b"},
        {"name": "\ud800"},
        {"contact": {"phone": ""}},
        {"identifiers": {"hospital": "--"}},
        {"birth_date": PartialDateTime("1931-07-29T08:00", "Europe/Paris")},
        {"name": None, "birth_date": None, "contact": {}, "identifiers": {}},
    ],
)
def test_unusable_parts_are_refused_without_repeating_them(
    changes: dict[str, Any], patient: Patient, ines: User
) -> None:
    with pytest.raises(InvalidInput) as caught:
        identify(patient, ines, **changes)

    told = f"{caught.value} {caught.value.errors}"
    assert CANARIES["name"] not in told
    assert "xxx" not in told


def test_unknown_part_is_refused(patient: Patient, ines: User) -> None:
    identify(patient, ines)

    with pytest.raises(InvalidInput) as caught:
        amend(patient, ines, nickname="Q")
    assert caught.value.errors[0].code == "unknown_field"


def test_patient_is_identified_once(patient: Patient, ines: User) -> None:
    identify(patient, ines)

    with pytest.raises(AlreadyIdentified):
        identify(patient, ines)


@pytest.mark.parametrize("column", COLUMNS)
def test_clear_text_is_refused_by_the_database(column: str, patient: Patient, ines: User) -> None:
    identity = identify(patient, ines)

    key = identity.key_id.encode()
    for text in (
        CANARIES["name"].encode(),
        b"\x01\x24" + key + b"short",
        b"\x01\x02k2" + bytes(40),
    ):
        with (
            pytest.raises(DatabaseError, match=f"identity_{column}_is_sealed"),
            acting(by=SYSTEM_ACCOUNT, reason="test"),
        ):
            Identity.objects.filter(pk=identity.pk).update(**{column: text})


def test_ciphertext_moved_to_another_person_or_column_is_refused(
    world: World, patient: Patient, ines: User
) -> None:
    first = identify(patient, ines)
    second = identify(world.patients[1], ines, name="Somebody Else")
    with acting(by=SYSTEM_ACCOUNT, reason="tampering"):
        with pytest.raises(DatabaseError, match="identity_name_is_sealed"), transaction.atomic():
            Identity.objects.filter(pk=first.pk).update(name=second.name)
        Identity.objects.filter(pk=first.pk).update(name=first.identifiers)
        Identity.objects.filter(pk=second.pk).update(contact=second.identifiers)

    for someone in (patient, world.patients[1]):
        with pytest.raises(SealBroken):
            read(someone, ines)
    assert entries() == []


def erase(patient: Patient, by: User, part: ErasedPart, reason: str = "asked for it") -> Identity:
    return erase_identity(
        patient=patient, part=part, basis=ErasureBasis.REQUEST, by=by, at=clock.now(), reason=reason
    )


def keys_of_history(identity: Identity, column: str) -> list[str]:
    """Return the keys that history's ciphertext of a column would need."""
    rows = TRACKED[Identity].objects.filter(pgh_obj_id=identity.pk).order_by("pgh_id")
    sealed = [bytes(value) for value in rows.values_list(column, flat=True) if value]
    return [key_id_of(value) for value in sealed]


@pytest.mark.req("PV-05", "F109")
def test_erased_contact_is_gone_from_history_too_and_the_rest_stays(
    patient: Patient, ines: User
) -> None:
    identity = identify(patient, ines)
    amend(patient, ines, contact={"phone": "2"})
    vitals = list(VitalSign.objects.filter(patient=patient).values())
    trail = TRACKED[Identity].objects.filter(pgh_obj_id=identity.pk).count()
    erase(patient, ines, ErasedPart.CONTACT)

    assert read(patient, ines) == person(contact={})
    for needed in keys_of_history(identity, "contact"):
        key = IdentityKey.objects.get(pk=needed)
        assert (key.contact_key, key.person_key is None) == (None, False)
        with pytest.raises(KeyMissing):
            ring_of(key, "contact_key")
    assert len(keys_of_history(identity, "contact")) == 2
    assert list(VitalSign.objects.filter(patient=patient).values()) == vitals
    assert TRACKED[Identity].objects.filter(pgh_obj_id=identity.pk).count() == trail + 1
    [entry] = [entry for entry in entries() if entry.action == "erased"]
    assert entry.detail == {"basis": "request", "fields": ["contact"]}


@pytest.mark.req("PV-05", "F109")
def test_erased_person_is_found_and_read_no_more_whatever_keys_there_are(
    patient: Patient, ines: User
) -> None:
    identity = identify(patient, ines)
    erased = erase(patient, ines, ErasedPart.EVERYTHING)

    assert read(patient, ines) == PersonalData()
    assert erased.erased_at is not None
    assert names_found(CANARIES["name"], ines) == []
    assert find_by_identifier(identifier=CANARIES["national"], by=ines, at=clock.now()) == []
    row = Identity.objects.get(pk=identity.pk)
    assert (row.name_index, row.identifier_indexes, stated_in(row)) == (None, [], [])
    keys = IdentityKey.objects.filter(identity=identity).values_list("person_key", "contact_key")
    assert set(keys) == {(None, None)}
    assert Patient.objects.filter(pk=patient.pk).exists()


@pytest.mark.req("PV-05")
def test_erasure_needs_no_key_but_a_reason_and_the_investigator(
    world: World, patient: Patient, ines: User, settings: Settings
) -> None:
    identify(patient, ines)
    nurse = make_person(world, "eraser", "study_coordinator", patient.site)
    with pytest.raises(NotPermitted):
        erase(patient, nurse, ErasedPart.CONTACT)
    with pytest.raises(ReasonMissing):
        erase(patient, ines, ErasedPart.CONTACT, " ")
    settings.IDENTITY_KEYS = settings.IDENTITY_INDEX_KEY = ""
    assert stated_in(erase(patient, ines, ErasedPart.EVERYTHING)) == []


def test_contact_given_again_after_an_erasure_is_kept_under_a_new_key(
    patient: Patient, ines: User
) -> None:
    identify(patient, ines)
    erase(patient, ines, ErasedPart.CONTACT)
    amend(patient, ines, contact={"phone": "3"})

    assert read(patient, ines) == person(contact={"phone": "3"})


@pytest.mark.req("F112")
def test_missing_key_is_a_clear_503_and_leaves_everything_as_it_is(
    patient: Patient, ines: User, settings: Settings
) -> None:
    identity = identify(patient, ines)
    before = Identity.objects.values().get(pk=identity.pk)

    for ring in ("", ring_text("another")):
        settings.IDENTITY_KEYS = ring
        for act in (lambda: read(patient, ines), lambda: amend(patient, ines, name="Nobody")):
            with pytest.raises(KeyMissing) as caught:
                act()
            problem = problem_of(caught.value)
            assert (problem.status, problem.code) == (503, "key_missing")
    assert Identity.objects.values().get(pk=identity.pk) == before
    assert entries() == []


@pytest.mark.req("F112")
def test_identity_cannot_be_recorded_without_a_key(
    patient: Patient, ines: User, settings: Settings
) -> None:
    settings.IDENTITY_KEYS = ""

    with pytest.raises(KeyMissing):
        identify(patient, ines)
    assert not PatientIdentity.objects.filter(patient=patient).exists()


@pytest.mark.req("F112")
def test_search_without_its_key_is_refused_and_does_not_find_nothing(
    patient: Patient, ines: User, settings: Settings
) -> None:
    identify(patient, ines)
    settings.IDENTITY_INDEX_KEY = ""

    with pytest.raises(KeyMissing):
        names_found(CANARIES["name"], ines)


def test_new_key_is_used_from_the_next_write_on(
    patient: Patient, ines: User, settings: Settings
) -> None:
    settings.IDENTITY_KEYS = ring_text("old")
    identity = identify(patient, ines)
    settings.IDENTITY_KEYS = ring_text("new", "old")

    assert read(patient, ines) == person()
    amend(patient, ines, contact={"phone": "1"})
    settings.IDENTITY_KEYS = ring_text("new")
    assert read(patient, ines) == person(contact={"phone": "1"})
    written = Identity.objects.get(pk=identity.pk)
    assert IdentityKey.objects.get(pk=written.key_id).key_id == "new"


@pytest.mark.parametrize("text", ["quirina xylander-zhuk", " QUIRINA  Xylander-Zhuk ",
                                  "Quirina \uff38ylander-Zhuk"])  # fmt: skip
def test_name_is_found_whatever_its_case_spacing_and_form(
    text: str, patient: Patient, ines: User
) -> None:
    identify(patient, ines)

    assert names_found(text, ines) == [patient]


@pytest.mark.parametrize("text", ["Quirina", "Quirina Xylander-Zhu", "%", "Quirina%", ""])
def test_part_of_a_name_finds_nothing(text: str, patient: Patient, ines: User) -> None:
    identify(patient, ines)

    assert names_found(text, ines) == []


@pytest.mark.parametrize("text", ["IPP-7791-QXZ-04", "ipp7791qxz04", "231 0799 351442"])
def test_every_identifier_is_found_however_it_is_written(
    text: str, patient: Patient, ines: User
) -> None:
    identify(patient, ines)

    assert find_by_identifier(identifier=text, by=ines, at=clock.now()) == [patient]


def test_search_finds_those_in_scope_only(world: World, patient: Patient, ines: User) -> None:
    elsewhere = world.patients[2]
    mei = investigator(world, world.sites[1], "mei")
    identify(patient, ines)
    identify(elsewhere, mei)

    assert names_found(CANARIES["name"], ines) == [patient]
    assert names_found(CANARIES["name"], mei) == [elsewhere]


@pytest.mark.req("PV-03")
def test_search_is_recorded_without_what_was_searched_for(patient: Patient, ines: User) -> None:
    identify(patient, ines)
    names_found(CANARIES["name"], ines)

    [entry] = entries()
    assert (entry.action, entry.acted_by) == ("searched", ines.pk)
    assert entry.detail == {"fields": ["name"], "patients": [str(patient.pk)]}


def test_search_goes_on_while_the_index_key_is_changed(
    patient: Patient, ines: User, settings: Settings
) -> None:
    settings.IDENTITY_INDEX_KEY = index_text("old")
    identify(patient, ines)
    settings.IDENTITY_INDEX_KEY = index_text("new", "old")

    assert names_found(CANARIES["name"], ines) == [patient]


@pytest.fixture
def second(world: World, patient: Patient, undone: None) -> Patient:
    """The patient's place in another trial at the same hospital."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        site = Site.objects.create(
            trial=world.trials[1], institution=patient.site.institution, code="2ND", country="FRA"
        )
        return add_patient(World(), site, "2ND-0")


def link(patient: Patient, same: Patient, by: User) -> PatientIdentity:
    return link_patient(
        patient=patient, same_person_as=same, by=by, at=clock.now(), reason="same person"
    )


def others(patient: Patient, by: User) -> list[Patient]:
    return other_patients_of_person(patient=patient, by=by, at=clock.now())


def test_second_trial_is_a_second_patient_of_the_same_person(
    world: World, patient: Patient, second: Patient
) -> None:
    here = make_person(world, "only_here", "doctor", patient.site)
    both = investigator(world, patient.site, "both")
    _add(world, both, second.site)
    identify(patient, both)

    link(second, patient, both)

    assert read(second, both) == person()
    assert others(patient, both) == [second]
    assert others(second, both) == [patient]
    assert others(patient, here) == []


def test_link_needs_both_sites(world: World, patient: Patient, second: Patient, ines: User) -> None:
    identify(patient, ines)
    mei = investigator(world, second.site, "mei")

    for person_of_one in (ines, mei):
        with pytest.raises(NotFound):
            link(second, patient, person_of_one)


def test_person_is_one_patient_in_a_trial_and_at_their_hospital(
    world: World, patient: Patient, second: Patient, ines: User
) -> None:
    identify(patient, ines)
    with pytest.raises(SameTrial):
        link(world.patients[1], patient, ines)
    _add(world, ines, world.sites[2])
    with pytest.raises(AnotherInstitution):
        link(world.patients[4], patient, ines)
    _add(world, ines, second.site)
    link(second, patient, ines)
    with pytest.raises(AlreadyIdentified):
        link(second, patient, ines)


def _add(world: World, user: User, site: Site) -> None:
    by = User.objects.get(pk=SYSTEM_ACCOUNT)
    assign_role(
        person=user, role="principal_investigator", where=site, from_at=clock.now(), by=by,
        at=clock.now(),
    )  # fmt: skip
    user.__dict__.pop("_scopes", None)


def test_personal_data_show_nothing_and_are_not_serialized() -> None:
    shown = f"{person()} {person()!r}"

    assert not any(canary in shown for canary in CANARIES.values())
    with pytest.raises(TypeError):
        json.dumps(person())
    with pytest.raises(TypeError):
        pickle.dumps(person())


def test_refusal_outside_scope_is_that_of_a_patient_who_is_not_there(
    world: World, patient: Patient, ines: User
) -> None:
    stranger = world.patients[-1]

    with pytest.raises(NotFound):
        read(stranger, ines)
    with pytest.raises(NotFound):
        read(patient, ines)  # not identified yet
    with pytest.raises(NotFound):
        amend(stranger, ines, name="Nobody")
    with transaction.atomic(), pytest.raises(NotFound):
        identify(stranger, ines)
    nobody = make_person(world, "nobody")
    with pytest.raises(NotPermitted):
        names_found("anybody", nobody)
