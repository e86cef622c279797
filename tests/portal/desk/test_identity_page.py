"""The desk's page of who a patient is, and the list of who cares for them."""

from typing import Any

import pytest
from pytest_django import Settings

from patients.models import Caregiver, Identity, Patient
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core.clock import now
from tests.portal.desk import world as worlds
from tests.portal.desk.test_lists import address

REASON = {"change_reason": "as the passport says"}
TYPED = {
    "full_name": "Quirina Xylander-Zhuk",
    "born": "1931-07",
    "contacts": "phone: +33 7 93 17 55 08",
    "numbers": "hospital: IPP-7791",
}


@pytest.fixture
def lead(world: worlds.World) -> User:
    return world.person("principal_investigator", "site", world.sites[0].pk)


@pytest.fixture
def patient(world: worlds.World) -> Patient:
    return world.patients[0]


def record(lead: User, patient: Patient, **more: str) -> Any:
    body = {"usubjid": patient.usubjid, **TYPED, **REASON, **more}
    return worlds.signed_in(lead).post(address(Identity, "add"), body)


def page_of(lead: User) -> Any:
    return worlds.signed_in(lead).get(address(Identity, "change", Identity.objects.get().pk))


@pytest.mark.req("PV-03")
def test_what_is_recorded_is_shown_to_who_treats_and_the_look_is_written_down(
    lead: User, patient: Patient
) -> None:
    assert record(lead, patient).status_code == 302
    shown = page_of(lead).content.decode()
    for value in ("Quirina Xylander-Zhuk", "1931-07", "+33 7 93 17 55 08", "IPP-7791"):
        assert value in shown
    entry = AuditEntry.objects.filter(resource="identity", action="viewed").latest("id")
    assert (entry.acted_by, entry.patient_id) == (lead.pk, patient.pk)


def test_what_is_left_empty_stays_and_what_is_typed_is_changed(
    lead: User, patient: Patient
) -> None:
    record(lead, patient)
    where = address(Identity, "change", Identity.objects.get().pk)
    browser = worlds.signed_in(lead)
    silent = browser.post(where, {"full_name": "Quirina Zhuk"})
    assert silent.status_code == 200  # shown again: no reason was given
    assert browser.post(where, {"full_name": "Quirina Zhuk", **REASON}).status_code == 302
    shown = page_of(lead).content.decode()
    assert "Quirina Zhuk" in shown
    assert "1931-07" in shown


@pytest.mark.req("PV-05")
def test_contact_is_erased_with_its_legal_basis(lead: User, patient: Patient) -> None:
    record(lead, patient)
    where = address(Identity, "change", Identity.objects.get().pk)
    browser = worlds.signed_in(lead)
    assert browser.post(where, {"erase": "contact", **REASON}).status_code == 200
    erased = browser.post(where, {"erase": "contact", "basis": "request", **REASON})
    assert erased.status_code == 302
    assert "+33 7" not in page_of(lead).content.decode()
    assert Identity.objects.get().contact_erased_at is not None


def sent(lead: User, **typed: str) -> Any:
    where = address(Identity, "change", Identity.objects.get().pk)
    return worlds.signed_in(lead).post(where, {**typed, **REASON})


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"erase": "contact"}, ["basis"]),
        ({"basis": "request"}, ["erase"]),
        ({"erase": "contact", "basis": "request", "full_name": "Q"}, ["erase"]),
        ({"born": "1931-07-29T08:00"}, ["born"]),
        ({"contacts": "phone: 1\nphone: 2"}, ["contacts"]),
        ({}, ["__all__"]),
    ],
    ids=lambda case: " ".join(case),
)
def test_what_cannot_be_done_is_said_at_its_field_with_the_identity_in_sight(
    lead: User, patient: Patient, typed: dict[str, str], fields: list[str]
) -> None:
    record(lead, patient)
    refused = sent(lead, **typed)
    assert list(refused.context["adminform"].form.errors) == fields
    assert "Quirina Xylander-Zhuk" in refused.content.decode()
    assert Identity.objects.get().contact_erased_at is None


@pytest.mark.req("PV-05")
def test_what_was_erased_says_since_when(lead: User, patient: Patient) -> None:
    record(lead, patient)
    sent(lead, erase="everything", basis="request")
    told = page_of(lead).context["opened"]
    assert {part["text"] for part in told} == {f"Erased on {now():%Y-%m-%d}"}


def test_an_identity_is_named_by_its_patient_and_its_history_shows_nothing_sealed(
    lead: User, patient: Patient
) -> None:
    record(lead, patient)
    identity = Identity.objects.get()
    sent(lead, full_name="Quirina Zhuk")
    browser = worlds.signed_in(lead)
    listed = browser.get(address(Identity, "changelist")).content.decode()
    history = browser.get(address(Identity, "history", identity.pk)).content.decode()
    assert patient.subject_number in listed
    assert f"Identity of patient {patient.subject_number}" in history
    assert "not shown" in history
    assert "\\x" not in history
    assert identity.key_id not in history


@pytest.mark.req("F112")
def test_a_missing_key_is_said_and_the_page_opens(
    lead: User, patient: Patient, settings: Settings
) -> None:
    record(lead, patient)
    settings.IDENTITY_KEYS = ""
    shown = page_of(lead)
    assert shown.status_code == 200
    assert "Quirina" not in shown.content.decode()
    assert 'role="alert"' in shown.content.decode()


def test_nobody_else_opens_the_page_or_names_a_patient_of_another_site(
    world: worlds.World, lead: User, patient: Patient
) -> None:
    record(lead, patient)
    where = address(Identity, "change", Identity.objects.get().pk)
    monitor = world.person("cra", "site", world.sites[0].pk)
    assert worlds.signed_in(monitor).get(where).status_code == 403
    other = world.person("principal_investigator", "site", world.sites[1].pk)
    assert worlds.signed_in(other).get(where).status_code == 404
    assert record(other, patient).status_code in (200, 404)
    assert Identity.objects.count() == 1


def test_the_patients_page_leads_to_who_they_are(lead: User, patient: Patient) -> None:
    browser = worlds.signed_in(lead)
    where = address(Patient, "change", patient.pk)
    assert f"usubjid={patient.usubjid}" in browser.get(where).content.decode()
    record(lead, patient)
    assert str(Identity.objects.get().pk) in browser.get(where).content.decode()


def test_a_caregiver_is_entrusted_and_ended_at_the_desk(
    world: worlds.World, lead: User, patient: Patient
) -> None:
    browser = worlds.signed_in(lead)
    body = {"patient": str(patient.pk), "relation": "child", **REASON}
    made = browser.post(address(Caregiver, "add"), body)
    assert made.status_code == 302, made.content.decode()[-3000:]
    caregiver = Caregiver.objects.get()
    assert caregiver.to_at is None
    where = address(Caregiver, "change", caregiver.pk)
    assert browser.post(where, {"end_now": "on", **REASON}).status_code == 302
    caregiver.refresh_from_db()
    assert caregiver.to_at is not None
