"""The gate knows which sessions of the patient's phones count, and when the site closes."""

from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from patients.intake.claims import bearer_of
from patients.intake.jobs import STORED, Job
from patients.models import PatientSite
from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services.devices import issue_device_token, issue_device_tokens
from portal.accounts.services.expiry import close_expired
from portal.accounts.services.sessions import (
    Client,
    open_session,
    revoke_session,
    sign_out,
    sign_out_everywhere,
)
from portal.accounts.services.users import deactivate_user, reactivate_user
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.patients.intake.gatekeeping import Owner, gate_of, statements
from tests.patients.intake.phones import Ward, report
from tests.patients.intake.story import job_of, tell
from trials.models import Site

INSTANT = timedelta(microseconds=1)


def system() -> User:
    return User.objects.get(pk=SYSTEM_ACCOUNT)


def account() -> User:
    return User.objects.get(username="phone-0")


def session_of(token: str) -> Session:
    return Session.objects.get(pk=bearer_of(token.encode(), clock.now()).session)


def new_phone(ward: Ward, *, at: datetime) -> str:
    return issue_device_token(
        user=account(),
        patient_id=ward.patient.pk,
        device_id="another",
        by=system(),
        at=at,
        reason="test",
    )


def refusal(ward: Ward, token: str) -> str:
    """Return what refuses a report of today."""
    job = job_of(report(ward.patient), token)
    tell([job])
    assert job.outcome is not None
    return job.outcome.code


def is_by_gate(ward: Ward, token: str) -> bool:
    """Whether a report of today is the gate's to write."""
    return len(statements(report(ward.patient), token)) == 1


def test_revoked_session_is_refused_with_the_commit(ward: Ward, owner: Owner) -> None:
    assert is_by_gate(ward, ward.token)
    lost = session_of(ward.token)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        revoke_session(session=lost, by=system(), at=clock.now(), reason="lost")
        # Nobody else knows yet.
        assert gate_of(owner, ward.patient).sessions == [lost.pk]

    assert refusal(ward, ward.token) == "token_revoked"
    assert gate_of(owner, ward.patient).sessions is None


def test_sessions_of_an_account_count_while_it_is_active_and_of_their_version(ward: Ward) -> None:
    at = clock.now()
    deactivate_user(user=account(), by=system(), at=at, reason="test")
    assert refusal(ward, ward.token) == "user_inactive"
    reactivate_user(user=account(), by=system(), at=at, reason="test")
    assert refusal(ward, ward.token) == "token_revoked"
    new = new_phone(ward, at=at)
    assert is_by_gate(ward, new)
    sign_out_everywhere(user=account(), by=system(), at=at, reason="test")
    assert refusal(ward, new) == "token_revoked"


def test_account_that_is_active_again_brings_its_sessions_back(ward: Ward) -> None:
    def be(is_active: bool) -> None:
        with acting(by=SYSTEM_ACCOUNT, reason="test"):
            User.objects.filter(pk=account().pk).update(is_active=is_active)

    be(False)
    assert refusal(ward, ward.token) == "user_inactive"
    be(True)
    assert is_by_gate(ward, ward.token)


@pytest.mark.parametrize(
    ("late", "code"),
    [(-INSTANT, STORED), (0 * INSTANT, "token_expired"), (INSTANT, "token_expired")],
)
def test_session_counts_until_it_ends(ward: Ward, owner: Owner, late: timedelta, code: str) -> None:
    ends_at = clock.now() + timedelta(minutes=5)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Session.objects.filter(pk=session_of(ward.token).pk).update(expires_at=ends_at)

    def sent() -> Job:
        job = job_of(report(ward.patient), ward.token)
        job.received_at = ends_at + late
        return job

    by_gate, by_facts = sent(), sent()
    assert len(tell([by_gate])) == (1 if code == STORED else 2)
    owner.execute("UPDATE patients_uploadgate SET is_open = false")
    tell([by_facts])

    assert [job.outcome and job.outcome.code for job in (by_gate, by_facts)] == [code, code]


def test_session_that_is_deleted_is_out_of_the_gate(ward: Ward, owner: Owner) -> None:
    kept, gone = session_of(ward.token), session_of(new_phone(ward, at=clock.now()))
    assert gate_of(owner, ward.patient).sessions == [gone.pk, kept.pk]
    owner.execute("DELETE FROM accounts_session WHERE id = %s", [gone.pk])

    assert gate_of(owner, ward.patient).sessions == [kept.pk]


def test_gate_knows_the_eight_sessions_that_end_last(ward: Ward, owner: Owner) -> None:
    began = clock.now() - timedelta(days=9)
    tokens = [new_phone(ward, at=began + timedelta(days=day)) for day in range(8)]
    newest = [ward.token, *reversed(tokens)]

    assert gate_of(owner, ward.patient).sessions == [session_of(one).pk for one in newest[:8]]
    assert is_by_gate(ward, newest[7])
    # One more is the facts' to judge, who know no number.
    assert not is_by_gate(ward, newest[8])


def test_sessions_that_are_made_at_once_are_in_their_gates(ward: Ward, owner: Owner) -> None:
    others = User.objects.get(username="phone-1")
    held = [(account(), ward.patient.pk), (others, ward.other.pk)]
    first, second = issue_device_tokens(
        phones=held, device_id="many", by=system(), at=clock.now(), reason="test"
    )

    assert session_of(first).pk in (gate_of(owner, ward.patient).sessions or ())
    assert session_of(second).pk in (gate_of(owner, ward.other).sessions or ())
    assert session_of(second).pk not in (gate_of(owner, ward.patient).sessions or ())


def test_sessions_that_ran_out_are_closed_in_their_gates(ward: Ward, owner: Owner) -> None:
    assert close_expired(at=clock.now() + timedelta(days=500)) >= 2
    assert gate_of(owner, ward.patient).sessions is None
    assert gate_of(owner, ward.other).sessions is None


def test_web_sessions_and_gateways_do_not_touch_the_gate(ward: Ward, owner: Owner) -> None:
    def versions() -> Any:
        return owner.execute("SELECT patient_id, xmin, ctid FROM patients_uploadgate").fetchall()

    before, at = versions(), clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        on_web = open_session(user=account(), kind=SessionKind.WEB, client=Client(), at=at)
        User.objects.filter(pk=account().pk).update(last_login=at, display_name="Ann")
    sign_out(session=on_web, by=account(), at=at)
    sign_out_everywhere(user=ward.coordinator, by=system(), at=at, reason="test")
    revoke_session(session=session_of(ward.gateway), by=system(), at=at, reason="test")

    assert versions() == before


def close(site: UUID, at: datetime | None) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Site.objects.filter(pk=site).update(closed_at=at)


def test_gate_is_closed_with_the_site_and_open_again_with_it(ward: Ward, owner: Owner) -> None:
    close(ward.site.pk, clock.now())
    assert not gate_of(owner, ward.patient).is_open
    close(ward.site.pk, None)
    assert gate_of(owner, ward.patient).is_open


def test_gate_ends_when_the_site_will_close(ward: Ward, owner: Owner) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    close(ward.site.pk, tomorrow)
    gate = gate_of(owner, ward.patient)
    assert (gate.is_open, gate.to_at) == (True, tomorrow)
    assert is_by_gate(ward, ward.token)


def test_closing_of_a_site_where_the_patient_was_is_a_limit_alone(ward: Ward, owner: Owner) -> None:
    former, moved_at = ward.site, clock.now() - timedelta(days=2)
    present = next(
        one for one in ward.world.sites if one.trial_id == former.trial_id and one != former
    )
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        PatientSite.objects.filter(patient=ward.patient).update(to_at=moved_at)
        PatientSite.objects.create(patient=ward.patient, site=present, from_at=moved_at)
    closed_at = moved_at + timedelta(days=1)
    close(former.pk, closed_at)

    gate = gate_of(owner, ward.patient)
    assert (gate.is_open, gate.from_at) == (True, closed_at)
    assert is_by_gate(ward, ward.token)


def test_gates_of_patients_who_are_there_are_filled_by_the_migration(
    ward: Ward, owner: Owner
) -> None:
    owner.execute("UPDATE patients_uploadgate SET sessions = NULL, persons = NULL, ends_at = NULL")
    assert not is_by_gate(ward, ward.token)
    migration = import_module("patients.migrations.0012_gates_know_sessions")
    migration.put_together(None, SimpleNamespace(connection=owner))

    assert gate_of(owner, ward.patient).sessions == [session_of(ward.token).pk]
    assert is_by_gate(ward, ward.token)
