"""Sign-ins, refusals and ends of sessions stand in the trail, and no flood of them floods it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from portal.accounts.models import Session, SignInRefusal, User, UserKind
from portal.accounts.services import devices, sessions, sign_in_refusals, users
from portal.accounts.services.credentials import check_credentials
from portal.accounts.services.expiry import close_expired
from portal.accounts.services.sessions import Client, TokenRevoked, Tokens
from portal.accounts.services.sign_in_limits import FAILURES_PER_ACCOUNT, WINDOW
from portal.accounts.services.sign_in_refusals import Refusal, refuse
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.errors import DomainError
from portal.core.ids import uuid7

pytestmark = [pytest.mark.django_db, pytest.mark.req("FDA-03")]
ADDRESS = "192.0.2.1"


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def guess(username: str, password: str = "wrong", address: str = ADDRESS) -> None:
    with pytest.raises(DomainError):
        check_credentials(username=username, password=password, address=address, at=clock.now())


@pytest.mark.req("E6-01")
def test_a_sign_in_names_its_session_person_and_roles(signed_in: Tokens) -> None:
    (entry,) = entries("signed_in")
    assert (entry.acted_by, entry.acted_role) == (signed_in.user.pk, "doctor")
    assert (entry.resource, entry.record_id) == ("session", signed_in.session.pk)
    assert entry.detail == {"kind": "web"}


def test_a_refusal_of_an_account_names_it_and_nobody_as_the_actor(ines: User) -> None:
    guess("INES")
    (entry,) = entries("sign_in_refused")
    assert (entry.acted_by, entry.record_id) == (None, ines.pk)
    assert entry.detail["reason"] == "credentials"
    assert entry.detail["address"] == ADDRESS


def test_a_name_that_no_account_has_is_kept_as_a_digest_only(ines: User) -> None:
    typed = "my password in the wrong box"
    guess(typed)
    guess(typed.upper())
    (entry,) = entries("sign_in_refused")
    kept = json.dumps(entry.detail) + json.dumps(list(SignInRefusal.objects.values()), default=str)
    assert entry.record_id is None
    assert len(entry.detail["account"]) == 64
    assert typed not in kept.lower()
    assert ADDRESS not in kept


def test_refusals_that_follow_the_first_are_counted_and_told_once(ines: User) -> None:
    for _ in range(5):
        guess("ines")
    assert [entry.detail["count"] for entry in entries("sign_in_refused")] == [1]
    later = clock.now() + WINDOW
    close_expired(at=later)
    close_expired(at=later)
    told = entries("sign_in_refused")
    assert [entry.detail["count"] for entry in told] == [1, 4]
    assert told[1].detail["since"] < told[1].detail["until"]
    assert not SignInRefusal.objects.exists()


@pytest.mark.req("P11-11")
def test_a_lock_is_told_apart_from_the_guesses_before_it(ines: User) -> None:
    for _ in range(FAILURES_PER_ACCOUNT + 3):
        guess("ines")
    reasons = [(entry.detail["reason"], entry.record_id) for entry in entries("sign_in_refused")]
    assert reasons == [("credentials", ines.pk), ("locked", ines.pk)]


def test_a_flood_of_names_from_everywhere_leaves_few_entries(
    monkeypatch: pytest.MonkeyPatch, ines: User
) -> None:
    monkeypatch.setattr(sign_in_refusals, "MOST_OPEN", 20)
    at = clock.now()
    for number in range(300):
        refuse(Refusal(f"name {number}", None, f"198.51.100.{number % 250}", "credentials"), at=at)
    assert len(entries("sign_in_refused")) == 21
    sign_in_refusals.settle_refusals(at=at + WINDOW)
    told = entries("sign_in_refused")
    assert sum(entry.detail["count"] for entry in told) == 300
    assert len(told) == 22
    assert told[-1].detail["account"] == "others"


@pytest.mark.django_db(transaction=True)
def test_refusals_at_once_are_all_counted_and_the_first_is_told_once(ines: User) -> None:
    at = clock.now()

    def one(_: int) -> None:
        try:
            refuse(Refusal("ines", ines, ADDRESS, "credentials"), at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    assert [entry.detail["count"] for entry in entries("sign_in_refused")] == [1]
    assert SignInRefusal.objects.get().count == 40


def test_signing_out_ending_and_ending_everywhere_are_told(
    ines: User, sign_in: Callable[..., Tokens], system: User
) -> None:
    first, second, *_ = (sign_in() for _ in range(4))
    at = clock.now()
    sessions.sign_out(session=first.session, by=ines, at=at)
    sessions.revoke_session(session=second.session, by=system, at=at, reason="lost")
    sessions.sign_out_everywhere(user=ines, by=ines, at=at, reason="lost")
    sessions.sign_out_everywhere(user=ines, by=ines, at=at, reason="again")
    assert [entry.record_id for entry in entries("signed_out")] == [first.session.pk]
    one, rest = entries("session_ended")
    assert (one.record_id, one.acted_by) == (second.session.pk, system.pk)
    assert (rest.resource, rest.record_id) == ("user", ines.pk)
    assert rest.detail == {"why": "revoked", "sessions": 2}


def test_another_password_is_told_with_the_sessions_it_ended(
    ines: User, signed_in: Tokens, system: User
) -> None:
    users.set_password(
        user=ines, password="another long password", by=system, at=clock.now(), reason="reset"
    )
    (entry,) = entries("password_changed")
    assert (entry.record_id, entry.acted_by) == (ines.pk, system.pk)
    assert entries("session_ended")[0].detail == {"why": "password_changed", "sessions": 1}


@pytest.mark.req("J10")
def test_reuse_of_a_refresh_token_is_told_with_the_client_that_tried(
    signed_in: Tokens, refresh: Callable[..., Tokens]
) -> None:
    refresh(signed_in.refresh)
    thief = Client(address="203.0.113.9", user_agent="curl/8\nx", device_id="elsewhere")
    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh, client=thief, at=clock.now() + timedelta(minutes=2))
    (entry,) = entries("token_reused")
    assert (entry.acted_by, entry.record_id) == (signed_in.user.pk, signed_in.session.pk)
    assert entry.detail["address"] == thief.address
    assert entry.detail["program"] == "curl/8\ufffdx"


def test_device_tokens_are_told_when_they_are_issued(
    make_person: Callable[..., User], system: User
) -> None:
    phone = make_person("patient-1", kind=UserKind.PATIENT)
    patient, at = uuid7(), clock.now()
    devices.issue_device_token(
        user=phone, patient_id=patient, device_id="d-1", by=system, at=at, reason="phone"
    )
    tokens = devices.issue_device_tokens(
        phones=[(phone, patient)] * 3, device_id="d-2", by=system, at=at, reason="phones"
    )
    assert len(list(tokens)) == 3
    single, many = entries("device_token_issued")
    assert (single.patient_id, single.detail) == (patient, {"device": "d-1"})
    assert Session.objects.get(pk=single.record_id).patient_id == patient
    assert many.detail == {"tokens": 3, "device": "d-2"}
