"""Shares, delegations, reviews, the report of a day, and identities, through the API."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from patients.models import PatientShare
from patients.services.identities import record_identity
from patients.services.personal_data import PersonalData
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.walker import NEVER_MADE
from tests.access.world import World, bearer, make_person
from trials.models import Delegation, PrincipalInvestigator
from trials.services.delegations import delegate_task

pytestmark = pytest.mark.usefixtures("undone")


def investigator(world: World) -> User:
    """The principal investigator of the first site."""
    person = make_person(world, f"pi-{len(world.people)}", "principal_investigator", world.sites[0])
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PrincipalInvestigator.objects.create(
            site=world.sites[0], person=person, from_on=date(2026, 1, 1)
        )
    return person


def post(headers: dict[str, str], address: str, body: Any, **more: str) -> Any:
    return Client().post(address, body, "application/json", headers={**headers, **more})


def test_a_patient_is_shared_until_a_date_and_no_longer(world: World) -> None:
    headers = bearer(investigator(world))
    colleague = make_person(world, "consultant")
    patient = f"/api/v1/patients/{world.patients[0].pk}/"
    body = {
        "person": str(colleague.pk),
        "permissions": ["vital_sign:view"],
        "to_at": (clock.now() + timedelta(days=3)).isoformat(),
        "change_reason": "a second opinion",
    }
    assert Client().get(patient, headers=bearer(colleague)).status_code == 404
    without = {name: value for name, value in body.items() if name != "change_reason"}
    assert post(headers, patient + "shares/", without).json()["code"] == "change_reason_required"
    made = post(headers, patient + "shares/", body)
    assert made.status_code == 201, made.content
    assert Client().get(patient, headers=bearer(colleague)).status_code == 200
    listed = Client().get(patient + "shares/", headers=headers).json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    end = f"/api/v1/shares/{made.json()['id']}/end/"
    assert post(headers, end, {"change_reason": "done"}).status_code == 428
    ended = post(headers, end, {"change_reason": "done"}, **{"if-match": made["ETag"]})
    assert ended.status_code == 200
    assert Client().get(patient, headers=bearer(colleague)).status_code == 404
    assert PatientShare.objects.get().to_at <= clock.now()


def test_a_share_never_shows_what_would_unblind_or_name_the_patient(world: World) -> None:
    headers = bearer(investigator(world))
    address = f"/api/v1/patients/{world.patients[0].pk}/shares/"
    for permission in ("allocation:view", "identity:view", "patient:change"):
        body = {
            "person": str(make_person(world, f"guest-{permission}").pk),
            "permissions": [permission],
            "to_at": (clock.now() + timedelta(days=3)).isoformat(),
            "change_reason": "x",
        }
        assert post(headers, address, body).status_code == 400
    assert not PatientShare.objects.exists()


def test_a_delegation_is_accepted_by_its_delegate_alone(world: World) -> None:
    lead = investigator(world)
    nurse = make_person(world, "nurse", "study_coordinator", world.sites[0])
    given = delegate_task(
        site=world.sites[0],
        principal_investigator=lead,
        delegate=nurse,
        task="data_entry",
        effective_from=clock.now(),
        by=lead,
        at=clock.now(),
        reason="new",
    )
    address = f"/api/v1/delegations/{given.pk}/"
    version = {"if-match": f'"{given.version}"'}
    refused = post(bearer(lead), address + "accept/", {}, **version)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_the_delegate")
    accepted = post(bearer(nurse), address + "accept/", {}, **version)
    assert accepted.status_code == 200, accepted.content
    assert Delegation.objects.get(pk=given.pk).accepted_at is not None
    listed = Client().get("/api/v1/delegations/", headers=bearer(nurse)).json()["results"]
    assert [row["id"] for row in listed] == [str(given.pk)]
    ended = post(
        bearer(lead), address + "end/", {"change_reason": "left"}, **{"if-match": accepted["ETag"]}
    )
    assert ended.status_code == 200
    foreign = make_person(world, "elsewhere", "doctor", world.sites[-1])
    assert post(bearer(foreign), address + "accept/", {}, **version).status_code == 404


def test_an_investigator_delegates_to_the_staff_of_the_site_alone(world: World) -> None:
    headers = bearer(investigator(world))
    nurse = make_person(world, "night-nurse", "study_coordinator", world.sites[0])
    foreign = make_person(world, "other-nurse", "study_coordinator", world.sites[1])
    body = {"site": str(world.sites[0].pk), "delegate": str(nurse.pk), "task": "data_entry"}
    made = post(headers, "/api/v1/delegations/", body)
    assert (made.status_code, made.json()["accepted_at"]) == (201, None)
    assert made["ETag"] == f'"{made.json()["version"]}"'
    for stranger in (foreign.pk, NEVER_MADE):
        refused = post(headers, "/api/v1/delegations/", {**body, "delegate": str(stranger)})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "not_staff_of_the_site"
    for site in (world.sites[1].pk, NEVER_MADE):
        assert post(headers, "/api/v1/delegations/", {**body, "site": str(site)}).status_code == 404
    early = {**body, "effective_from": "2026-01-06T08:00:00Z"}
    assert post(headers, "/api/v1/delegations/", early).json()["code"] == "backdated_without_reason"
    told = post(headers, "/api/v1/delegations/", {**early, "change_reason": "log on paper"})
    assert told.status_code == 201, told.content


def test_a_request_to_delegate_that_is_repeated_is_done_once(world: World) -> None:
    headers = bearer(investigator(world))
    nurse = make_person(world, "day-nurse", "study_coordinator", world.sites[0])
    body = {"site": str(world.sites[0].pk), "delegate": str(nurse.pk), "task": "sampling"}
    key = {"idempotency-key": "0190f0c0-0000-7000-8000-000000000001"}
    first, again = (post(headers, "/api/v1/delegations/", body, **key) for _ in range(2))
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Delegation.objects.filter(delegate=nurse).count() == 1


@pytest.mark.req("E6-13")
def test_a_review_of_access_is_recorded_with_the_digest_of_the_report(world: World) -> None:
    trial = world.trials[0]
    headers = bearer(make_person(world, "overseer", "trial_manager", trial))
    today = clock.now().date().isoformat()
    body = {
        "trial": str(trial.pk),
        "period_from": today,
        "period_to": today,
        "conclusion": "confirmed",
    }
    report = Client().get(f"/api/v1/access-report/?trial={trial.pk}", headers=headers).json()
    made = post(headers, "/api/v1/access-reviews/", body)
    assert made.status_code == 201, made.content
    assert made.json()["entries"] == len(report["entries"])
    assert made.json()["digest"] == report["digest"]
    listed = Client().get("/api/v1/access-reviews/", headers=headers).json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    everywhere = {name: value for name, value in body.items() if name != "trial"}
    assert post(headers, "/api/v1/access-reviews/", everywhere).status_code == 403
    for elsewhere in (world.trials[1].pk, NEVER_MADE):
        foreign = {**body, "trial": str(elsewhere)}
        assert post(headers, "/api/v1/access-reviews/", foreign).status_code == 404
    silent = post(headers, "/api/v1/access-reviews/", {**body, "conclusion": "changes_needed"})
    assert silent.status_code in (400, 409)


@pytest.mark.req("FDA-04")
def test_the_report_of_a_day_tells_who_had_what_and_is_an_act(world: World) -> None:
    make_person(world, "=cmd", "cra", world.sites[0])
    headers = bearer(make_person(world, "inspecting", "inspector"))
    told = Client().get("/api/v1/access-report/", headers=headers).json()
    mine = [row for row in told["entries"] if row["username"] == "=cmd"]
    assert [(row["via"], row["what"], row["scope"]) for row in mine] == [
        ("assignment", "cra", "site")
    ]
    file = Client().get("/api/v1/access-report/?format=csv", headers=headers)
    rows = list(csv.reader(io.StringIO(b"".join(file.streaming_content).decode())))
    assert len(rows) == len(told["entries"]) + 1
    assert "'=cmd" in {row[1] for row in rows}
    acts = AuditEntry.objects.filter(resource="access_report").order_by("id")
    assert [act.action for act in acts] == ["viewed", "exported"]


def test_the_report_of_a_trial_is_for_those_who_oversee_it(world: World) -> None:
    address = f"/api/v1/access-report/?trial={world.trials[0].pk}"
    for role, where, status in (
        ("trial_manager", world.trials[0], 200),
        ("cra", world.sites[0], 403),
        ("trial_manager", world.trials[1], 404),
    ):
        person = make_person(world, f"{role}-{len(world.people)}", role, where)
        assert Client().get(address, headers=bearer(person)).status_code == status
        assert Client().get("/api/v1/access-report/", headers=bearer(person)).status_code == 403


@pytest.mark.req("PV-03")
def test_an_identity_is_read_by_those_who_treat_and_every_look_is_written_down(
    world: World, settings: Settings
) -> None:
    patient = world.patients[0]
    lead = investigator(world)
    address = f"/api/v1/patients/{patient.pk}/identity/"
    assert Client().get(address, headers=bearer(lead)).json()["is_recorded"] is False
    data = PersonalData(name="Ana Canary", contact={"phone": "+33 1 23"})
    record_identity(patient=patient, data=data, by=lead, at=clock.now())
    before = AuditEntry.objects.filter(action="viewed", resource="identity").count()
    told = Client().get(address + "?purpose=safety", headers=bearer(lead)).json()
    assert (told["name"], told["contact"]) == ("Ana Canary", {"phone": "+33 1 23"})
    looks = AuditEntry.objects.filter(action="viewed", resource="identity").order_by("id")
    assert looks.count() == before + 1
    assert (looks.last().acted_by, looks.last().detail["purpose"]) == (lead.pk, "safety")  # type: ignore[union-attr]
    cra = make_person(world, "monitoring", "cra", world.sites[0])
    assert Client().get(address, headers=bearer(cra)).status_code == 403
    settings.IDENTITY_KEYS = ""
    missing = Client().get(address, headers=bearer(lead))
    assert (missing.status_code, missing.json()["code"]) == (503, "key_missing")
    assert Client().get(f"/api/v1/patients/{patient.pk}/", headers=bearer(lead)).status_code == 200
