"""Who a patient is and who cares for them: written, corrected, erased, found through the API."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from patients.models import Caregiver
from portal.accounts.models import User, UserKind
from portal.api.models import StoredAnswer
from portal.audit.models import AuditEntry
from portal.core import clock
from tests.access.test_access_api import investigator, post
from tests.access.world import World, bearer, make_person
from tests.patients.services.people import CANARIES
from tests.patients.services.test_personal_data_canary import found_in

pytestmark = pytest.mark.usefixtures("undone")

BODY = {
    "name": CANARIES["name"],
    "birth_date": CANARIES["birth_date"],
    "contact": {"phone": CANARIES["phone"]},
    "identifiers": {"hospital": CANARIES["hospital"]},
}
KEY = {"idempotency-key": "0190f0c0-0000-7000-8000-0000000000aa"}


def address(world: World, *more: str) -> str:
    return "/".join([f"/api/v1/patients/{world.patients[0].pk}/identity", *more, ""])


def patch(headers: dict[str, str], where: str, body: Any, **more: str) -> Any:
    return Client().patch(where, body, "application/json", headers={**headers, **more})


@pytest.fixture
def lead(world: World, undone: None) -> User:
    return investigator(world)


@pytest.fixture
def recorded(world: World, lead: User) -> Any:
    return post(bearer(lead), address(world), BODY)


@pytest.fixture
def logged() -> Iterator[StringIO]:
    root = logging.getLogger()
    [handler] = [h for h in root.handlers if h.get_name() == "standard_output"]
    assert isinstance(handler, logging.StreamHandler)
    text = StringIO()
    before = handler.setStream(text)
    yield text
    handler.setStream(before)


@pytest.mark.req("PV-01")
def test_an_identity_is_recorded_once_and_the_answer_tells_no_value(
    world: World, lead: User, logged: StringIO
) -> None:
    headers = bearer(lead)
    made, again = (post(headers, address(world), BODY, **KEY) for _ in range(2))
    assert (made.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert made.json()["stated"] == ["name", "birth_date", "contact", "identifiers"]
    assert made["ETag"] == f'"{made.json()["version"]}"'
    twice = post(headers, address(world), BODY)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_identified")
    told = made.content + again.content + twice.content + logged.getvalue().encode()
    kept = b"".join(bytes(answer.answer) for answer in StoredAnswer.objects.all())
    assert found_in(told + kept) == set()


def test_an_identity_is_corrected_in_the_version_that_was_read_and_for_a_reason(
    world: World, lead: User, recorded: Any
) -> None:
    headers, where = bearer(lead), address(world)
    read = Client().get(where, headers=headers)
    change = {"name": "Quirina Zhuk", "change_reason": "married"}
    assert patch(headers, where, change).status_code == 428
    stale = {"if-match": '"99"'}
    assert patch(headers, where, change, **stale).status_code == 412
    version = {"if-match": read["ETag"]}
    silent = patch(headers, where, {"name": "Quirina Zhuk"}, **version)
    assert silent.json()["code"] == "change_reason_required"
    assert patch(headers, where, {**change, "nickname": "Q"}, **version).status_code == 400
    changed = patch(headers, where, change, **version)
    assert changed.status_code == 200, changed.content
    now = Client().get(where, headers=headers).json()
    assert (now["name"], now["birth_date"]) == ("Quirina Zhuk", CANARIES["birth_date"])
    assert now["version"] == changed.json()["version"]


@pytest.mark.req("F112")
def test_without_its_key_nothing_is_written_over_an_identity(
    world: World, lead: User, recorded: Any, settings: Settings
) -> None:
    headers, where = bearer(lead), address(world)
    ring, settings.IDENTITY_KEYS = settings.IDENTITY_KEYS, ""
    change = {"name": "Nobody", "change_reason": "x"}
    refused = patch(headers, where, change, **{"if-match": recorded["ETag"]})
    assert (refused.status_code, refused.json()["code"]) == (503, "key_missing")
    assert Client().get(where, headers=headers).status_code == 503
    settings.IDENTITY_KEYS = ring
    assert Client().get(where, headers=headers).json()["name"] == CANARIES["name"]


@pytest.mark.req("PV-05", "F109")
def test_contact_data_are_erased_on_a_legal_basis_and_the_patient_stays(
    world: World, lead: User, recorded: Any
) -> None:
    headers, where = bearer(lead), address(world)
    body = {"part": "contact", "basis": "request", "change_reason": "letter of 3 March"}
    version = {"if-match": recorded["ETag"]}
    without = {name: value for name, value in body.items() if name != "basis"}
    assert post(headers, address(world, "erase"), without, **version).status_code == 400
    erased = post(headers, address(world, "erase"), body, **version)
    assert erased.status_code == 200, erased.content
    assert erased.json()["stated"] == ["name", "birth_date", "identifiers"]
    told = Client().get(where, headers=headers).json()
    assert (told["contact"], told["name"]) == ({}, CANARIES["name"])
    assert told["contact_erased_at"] is not None
    assert Client().get(where.replace("identity/", ""), headers=headers).status_code == 200
    entry = AuditEntry.objects.get(action="erased")
    assert (entry.acted_by, entry.detail["basis"]) == (lead.pk, "request")


@pytest.mark.req("PV-03")
def test_a_patient_is_found_by_name_by_those_who_may_know_it_alone(
    world: World, lead: User, recorded: Any
) -> None:
    patient = str(world.patients[0].pk)
    cra = bearer(make_person(world, "searching", "cra", world.sites[0]))
    elsewhere = bearer(make_person(world, "far", "principal_investigator", world.sites[1]))
    for text in ("quirina  XYLANDER-zhuk", "ipp 7791 qxz 04"):
        query = {"search": text}
        found = Client().get("/api/v1/patients/", query, headers=bearer(lead)).json()["results"]
        assert [row["id"] for row in found] == [patient]
        for other in (cra, elsewhere):
            assert Client().get("/api/v1/patients/", query, headers=other).json()["results"] == []
    by_part = Client().get("/api/v1/patients/", {"search": "Quirina"}, headers=bearer(lead))
    assert by_part.json()["results"] == []
    entries = AuditEntry.objects.filter(action="searched")
    assert {entry.acted_by for entry in entries} >= {lead.pk}
    assert found_in(repr([entry.detail for entry in entries]).encode()) == set()


@pytest.mark.req("F112")
def test_a_search_by_number_goes_on_without_the_index_key_and_one_by_name_is_a_503(
    world: World, lead: User, recorded: Any, settings: Settings
) -> None:
    settings.IDENTITY_INDEX_KEY = ""
    number = world.patients[0].subject_number
    by_number = Client().get("/api/v1/patients/", {"search": number}, headers=bearer(lead))
    assert len(by_number.json()["results"]) == 1
    by_name = Client().get("/api/v1/patients/", {"search": "Quirina Z"}, headers=bearer(lead))
    assert (by_name.status_code, by_name.json()["code"]) == (503, "key_missing")


def test_a_caregiver_sees_one_patient_until_it_is_ended(world: World, lead: User) -> None:
    headers, patient = bearer(lead), f"/api/v1/patients/{world.patients[0].pk}/"
    daughter = make_person(world, "daughter")
    body = {"person": str(daughter.pk), "relation": "child", "change_reason": "lives with her"}
    silent = {name: value for name, value in body.items() if name != "change_reason"}
    refused = post(headers, patient + "caregivers/", silent)
    assert refused.json()["code"] == "change_reason_required"
    made = post(headers, patient + "caregivers/", body)
    assert made.status_code == 201, made.content
    assert post(headers, patient + "caregivers/", body).json()["code"] == "cares_already"
    me = Client().get("/api/v1/auth/me/", headers=bearer(daughter)).json()
    assert [held["role"] for held in me["roles"]] == ["caregiver"]
    assert Client().get(patient, headers=bearer(daughter)).status_code == 200
    listed = Client().get("/api/v1/patients/", headers=bearer(daughter)).json()["results"]
    assert [row["id"] for row in listed] == [str(world.patients[0].pk)]
    end = f"/api/v1/caregivers/{made.json()['id']}/end/"
    done = {"change_reason": "moved away"}
    assert post(headers, end, done).status_code == 428
    assert post(headers, end, done, **{"if-match": made["ETag"]}).status_code == 200
    assert Client().get(patient, headers=bearer(daughter)).status_code == 404


def test_a_caregiver_without_an_account_is_given_one_that_tells_nothing(
    world: World, lead: User
) -> None:
    where = f"/api/v1/patients/{world.patients[0].pk}/caregivers/"
    until = (clock.now() + timedelta(days=30)).isoformat()
    body = {"relation": "parent", "to_at": until, "change_reason": "a minor"}
    made = post(bearer(lead), where, body)
    assert made.status_code == 201, made.content
    account = Caregiver.objects.get(pk=made.json()["id"]).person
    assert (account.kind, account.has_usable_password()) == (UserKind.PERSON, False)
    assert account.username == f"caregiver-{account.pk}"


@pytest.mark.req("FDA-04")
def test_the_report_of_a_day_names_caregivers(world: World, lead: User) -> None:
    where = f"/api/v1/patients/{world.patients[0].pk}/caregivers/"
    post(bearer(lead), where, {"relation": "spouse", "change_reason": "x"})
    inspector = bearer(make_person(world, "who-cares", "inspector"))
    told = Client().get("/api/v1/access-report/", headers=inspector).json()["entries"]
    assert [row["what"] for row in told if row["via"] == "caregiver"] == ["spouse"]
