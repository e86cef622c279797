"""Adverse events over the API: reported, amended, confirmed, and seldom refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from events.models import (
    AdverseEvent,
    AdverseEventVersion,
    CausalityAssessment,
    SeriousnessFact,
    SeverityPeriod,
)
from patients.models import DataFinding, Patient, PatientSite
from patients.vocabulary import Participation, VitalStatus
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person
from trials.models import Delegation, PrincipalInvestigator
from trials.services.delegations import delegate_task, end_delegation
from trials.vocabulary import DelegatedTask

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
EVENTS = "/api/v1/adverse-events/"
NOBODY = "01890000-0000-7000-8000-00000000dead"


@pytest.fixture
def doctor(world: World) -> User:
    """The principal investigator: acts without delegation, and judges."""
    person = make_person(world, "ines", "principal_investigator", world.sites[0])
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PrincipalInvestigator.objects.create(
            site=world.sites[0], person=person, from_on=(clock.now() - timedelta(days=9)).date()
        )
    return person


@pytest.fixture
def coordinator(world: World, doctor: User) -> User:
    person = make_person(world, "omar", "study_coordinator", world.sites[0])
    delegate(world, doctor, person)
    return person


def delegate(world: World, lead: User, to: User) -> Delegation:
    at = clock.now()
    return delegate_task(
        site=world.sites[0],
        principal_investigator=lead,
        delegate=to,
        task=DelegatedTask.DATA_ENTRY,
        effective_from=at,
        accepted_at=at,
        by=lead,
        at=at,
        reason="test",
    )


def post(path: str, body: Any, person: User, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().post(path, body, "application/json", headers={**bearer(person), **named})


def report(world: World, person: User, **facts: Any) -> Any:
    body = {"patient": str(world.patients[0].pk), "term": "felt dizzy", **facts}
    return post(EVENTS, body, person)


def amend(event: dict[str, Any], person: User, **body: Any) -> Any:
    tag = f'"{AdverseEvent.objects.get(pk=event["id"]).version}"'
    body = {"kind": "follow_up", "change_reason": "called the clinic", **body}
    return post(f"{EVENTS}{event['id']}/follow-ups/", body, person, if_match=tag)


def hours_ago(hours: int) -> str:
    return (clock.now() - timedelta(hours=hours)).isoformat()


def findings(event: dict[str, Any]) -> set[str]:
    return set(
        DataFinding.objects.filter(record_id=event["id"], state="open").values_list(
            "rule", flat=True
        )
    )


@pytest.mark.req("F96")
def test_an_event_is_reported_with_all_that_is_known(world: World, doctor: User) -> None:
    aware = hours_ago(3)
    answer = report(
        world,
        doctor,
        onset="2026-03",
        severity="3",
        outcome="not_recovered",
        seriousness={"hospitalization": "yes", "death": "no"},
        criteria_met=[{"criterion": "hospitalization", "met_on": "2026-03-04", "known_at": aware}],
        causality="probable",
        is_related=True,
        site_aware_at=aware,
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert answer["ETag"] == f'"{made["version"]}"'
    assert (made["term"], made["onset"], made["severity"]) == ("felt dizzy", "2026-03", "3")
    assert (made["is_serious"], made["judgment"]) == (True, "by_physician")
    assert made["seriousness"]["life_threatening"] == "unknown"
    assert made["seriousness"]["hospitalization"] == "yes"
    version = AdverseEventVersion.objects.get(adverse_event=made["id"])
    assert (version.kind, version.ordinal, version.judged_by_id) == ("initial", 1, doctor.pk)
    assert version.stated["onset"] == "2026-03"
    fact = SeriousnessFact.objects.get(adverse_event=made["id"])
    assert (str(fact.met_on), fact.answer) == ("2026-03-04", "yes")
    assert SeverityPeriod.objects.get(adverse_event=made["id"]).grade == 3
    causality = CausalityAssessment.objects.get(adverse_event=made["id"])
    assert (causality.assessed_by_id, causality.is_related) == (doctor.pk, True)


@pytest.mark.parametrize(
    "state",
    [
        {"participation": Participation.SCREENING},
        {"participation": Participation.DISCONTINUED},
        {"participation": Participation.SCREEN_FAILED},
        {"vital_status": VitalStatus.DEAD},
    ],
    ids=str,
)
@pytest.mark.req("F102")
def test_no_state_of_the_patient_refuses_a_report(
    world: World, doctor: User, state: dict[str, str]
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Patient.objects.filter(pk=world.patients[0].pk).update(**state)
    assert report(world, doctor).status_code == 201


@pytest.mark.parametrize("status", ["closed", "on_hold", "planned"])
def test_no_state_of_the_site_refuses_a_report(world: World, doctor: User, status: str) -> None:
    site = world.sites[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        type(site).objects.filter(pk=site.pk).update(status=status, closed_at=clock.now())
    assert report(world, doctor).status_code == 201


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"term": "   "}, "invalid"),
        ({"term": "\u200b"}, ""),
        ({"site_aware_at": "in an hour"}, "awareness_in_future"),
        ({"information_received_at": "in an hour"}, "awareness_in_future"),
        ({"seriousness": {"death": "yes"}}, "awareness_required"),
        ({"onset": "9999-12-31"}, "invalid"),
        ({"onset": "0001"}, "invalid"),
        ({"onset": "2026-02-30"}, "invalid"),
        ({"severity": "6"}, "invalid"),
        ({"arm": "A"}, "unknown_field"),
        ({"seriousness": {"serious": "yes"}}, "unknown_field"),
        (
            {"judged_by": NOBODY, "causality": "probable"},
            "not_a_physician",
        ),
    ],
    ids=str,
)
def test_what_is_refused_and_why(
    world: World, doctor: User, facts: dict[str, Any], code: str
) -> None:
    ahead = (clock.now() + timedelta(hours=1)).isoformat()
    facts = {name: ahead if value == "in an hour" else value for name, value in facts.items()}
    answer = report(world, doctor, **facts)
    expected = (400, code) if code else (201, None)
    assert (answer.status_code, answer.json().get("code")) == expected


def test_numbers_of_a_trial_have_no_gap(world: World, doctor: User) -> None:
    first = report(world, doctor).json()["number"]
    assert report(world, doctor, seriousness={"death": "yes"}).status_code == 400
    other = {"patient": str(world.patients[1].pk), "term": "headache"}
    numbers = [post(EVENTS, other, doctor).json()["number"], report(world, doctor).json()["number"]]
    assert numbers == [first + 1, first + 2]


@pytest.mark.req("F106")
def test_first_awareness_is_the_earliest_in_whatever_order_versions_come(
    world: World, doctor: User
) -> None:
    made = report(
        world, doctor, seriousness={"death": "no", "disability": "yes"}, site_aware_at=hours_ago(5)
    ).json()
    earlier = hours_ago(50)
    amend(made, doctor, information_received_at=earlier, site_aware_at=earlier)
    last = amend(made, doctor, information_received_at=hours_ago(1), site_aware_at=hours_ago(1))
    assert last.status_code == 201
    assert last.json()["site_aware_at"][:19] == earlier[:19]
    assert AdverseEventVersion.objects.filter(adverse_event=made["id"]).count() == 3


@pytest.mark.req("F106")
def test_older_information_replaces_no_newer(world: World, doctor: User) -> None:
    made = report(world, doctor, outcome="not_recovered", site_aware_at=hours_ago(40)).json()
    amend(made, doctor, information_received_at=hours_ago(2), outcome="recovered")
    late = amend(
        made, doctor, information_received_at=hours_ago(20), outcome="recovering", severity="mild"
    ).json()
    assert (late["outcome"], late["severity"]) == ("recovered", "mild")


def test_a_follow_up_says_when_it_was_received(world: World, doctor: User) -> None:
    made = report(world, doctor).json()
    answer = amend(made, doctor)
    assert answer.json()["code"] == "information_received_at_required"
    assert amend(made, doctor, kind="correction", term="felt giddy").json()["term"] == "felt giddy"


def test_every_amendment_has_a_reason_and_the_version_that_was_read(
    world: World, doctor: User
) -> None:
    made = report(world, doctor).json()
    path = f"{EVENTS}{made['id']}/follow-ups/"
    body = {"kind": "correction", "term": "giddy"}
    assert post(path, {**body, "change_reason": "typing error"}, doctor).status_code == 428
    unsaid = post(path, body, doctor, if_match='"1"')
    assert (unsaid.status_code, unsaid.json()["code"]) == (400, "change_reason_required")
    done = post(path, body, doctor, if_match=f'"{made["version"]}"', x_change_reason="%C3%A9")
    assert done.status_code == 201
    history = TRACKED[AdverseEvent]._default_manager.filter(pgh_obj_id=made["id"])
    assert history.latest("pgh_id").acted_reason == "é"


def test_a_nullification_keeps_and_explains(world: World, doctor: User) -> None:
    made = report(world, doctor).json()
    stated = amend(made, doctor, kind="nullification", term="none")
    assert stated.json()["code"] == "nullification_states_nothing"
    done = amend(made, doctor, kind="nullification", change_reason="other patient").json()
    assert (done["is_nullified"], done["term"], done["number"]) == (
        True,
        "felt dizzy",
        made["number"],
    )
    after = amend(made, doctor, information_received_at=hours_ago(1), outcome="recovered")
    assert after.status_code == 201
    assert "amended_after_nullification" in findings(made)


def test_contradictions_become_findings_and_go_with_their_cause(world: World, doctor: User) -> None:
    made = report(
        world,
        doctor,
        onset="2026-03-05",
        resolved="2026-03-01",
        outcome="fatal",
        severity="4",
        serious_as_reported="yes",
    ).json()
    assert findings(made) == {
        "resolved_before_onset",
        "fatal_outcome_and_death_criterion_differ",
        "serious_flag_without_criterion",
    }
    amend(
        made,
        doctor,
        kind="correction",
        resolved="2026-03-09",
        outcome="recovered",
        serious_as_reported="no",
    )
    assert findings(made) == set()


def test_a_coordinators_judgment_is_transcribed_until_the_physician_confirms(
    world: World, doctor: User, coordinator: User
) -> None:
    unnamed = report(world, coordinator, causality="possible")
    assert (unnamed.status_code, unnamed.json()["code"]) == (400, "physician_required")
    made = report(
        world, coordinator, causality="possible", severity="mild", judged_by=str(doctor.pk)
    ).json()
    assert made["judgment"] == "transcribed"
    path, tag = f"{EVENTS}{made['id']}/confirm/", f'"{made["version"]}"'
    assert post(path, {}, coordinator, if_match=tag).status_code == 403
    done = post(path, {}, doctor, if_match=tag)
    assert (done.status_code, done.json()["judgment"]) == (200, "confirmed")
    causality = CausalityAssessment.objects.get(adverse_event=made["id"])
    assert (causality.assessed_by_id, causality.judgment) == (doctor.pk, "confirmed")
    again = post(path, {}, doctor, if_match=done["ETag"])
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_confirm")


def test_another_physician_does_not_confirm_what_is_not_theirs(
    world: World, doctor: User, coordinator: User
) -> None:
    other = make_person(world, "mei", "principal_investigator", world.sites[0])
    made = report(world, coordinator, severity="mild", judged_by=str(doctor.pk)).json()
    tag = f'"{made["version"]}"'
    assert post(f"{EVENTS}{made['id']}/confirm/", {}, other, if_match=tag).status_code == 403


def test_a_serious_event_without_a_physician_is_taken_and_found(
    world: World, coordinator: User
) -> None:
    made = report(
        world,
        coordinator,
        seriousness={"death": "yes"},
        outcome="fatal",
        site_aware_at=hours_ago(1),
    )
    assert made.status_code == 201
    assert findings(made.json()) == {"judgment_without_physician"}


@pytest.mark.req("ISO-03")
@pytest.mark.parametrize(
    "role",
    ["cra", "data_manager", "safety_officer", "trial_manager", "sponsor_admin", "inspector"],
)
def test_who_monitors_writes_no_clinical_value(world: World, doctor: User, role: str) -> None:
    made = report(world, doctor).json()
    where = world.sponsors[0] if role == "sponsor_admin" else world.trials[0]
    other = make_person(world, f"{role} who writes", role, where)
    assert report(world, other).status_code == 403
    answers = [amend(made, other, kind="correction", term="x")]
    answers.append(post(f"{EVENTS}{made['id']}/confirm/", {}, other, if_match='"1"'))
    expected = 404 if role == "sponsor_admin" else 403
    assert [answer.status_code for answer in answers] == [expected] * 2
    assert AdverseEvent.objects.get(pk=made["id"]).version == made["version"]


def test_another_sites_patient_and_event_do_not_exist(world: World, doctor: User) -> None:
    for patient in (world.patients[2], world.patients[-1]):
        answer = report(world, doctor, patient=str(patient.pk))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    body = {"kind": "correction", "term": "x", "change_reason": "x"}
    path = f"{EVENTS}{world.adverse_events[-1].pk}/follow-ups/"
    assert post(path, body, doctor, if_match='"1"').status_code == 404
    # A physician of another site is nobody here.
    mei = make_person(world, "mei", "principal_investigator", world.sites[1])
    refused = report(world, doctor, severity="mild", judged_by=str(mei.pk))
    assert refused.json()["code"] == "not_a_physician"


def test_staff_report_only_while_the_task_is_delegated(
    world: World, doctor: User, coordinator: User
) -> None:
    assert report(world, coordinator).status_code == 201
    held = Delegation.objects.get(delegate=coordinator)
    end_delegation(delegation=held, by=doctor, at=clock.now(), reason="left")
    coordinator.refresh_from_db()
    assert report(world, coordinator).status_code == 403


def test_the_site_before_a_transfer_may_still_report_and_keeps_what_it_reported(
    world: World, doctor: User
) -> None:
    patient, there = world.patients[0], world.sites[1]
    with acting(by=SYSTEM_ACCOUNT, reason="moved"):
        now = clock.now()
        PatientSite.objects.filter(patient=patient).update(to_at=now)
        PatientSite.objects.create(patient=patient, site=there, from_at=now)
        Patient.objects.filter(pk=patient.pk).update(site=there)
    made = report(world, doctor)
    assert made.status_code == 201
    assert made.json()["site"] == str(world.sites[0].pk)


def test_what_may_be_done_is_offered(world: World, doctor: User) -> None:
    made = report(world, doctor).json()
    assert {"add_follow_up", "confirm_judgment"} <= set(made["allowed_actions"])
    monitor = make_person(world, "looking", "cra", world.sites[0])
    seen = Client().get(f"{EVENTS}{made['id']}/", headers=bearer(monitor)).json()
    assert not {"add_follow_up", "confirm_judgment"} & set(seen["allowed_actions"])


def test_the_history_tells_who_reported_and_why_it_changed(world: World, doctor: User) -> None:
    made = report(world, doctor).json()
    amend(made, doctor, kind="correction", term="giddy", change_reason="typing error")
    rows = Client().get(f"{EVENTS}{made['id']}/history/", headers=bearer(doctor)).json()["results"]
    assert rows[0]["reason"] == "typing error"
    assert {"field": "term", "old": "felt dizzy", "new": "giddy"} in rows[0]["changes"]
    assert rows[-1]["kind"] == "insert"
