"""A phone's token: one patient, long-lived, revocable, and no key to anything else."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser

from portal.accounts.models import Session, SessionKind, User, UserKind
from portal.accounts.services import sessions, users
from portal.accounts.services.devices import NotAPatientsAccount, issue_device_token
from portal.accounts.services.sessions import Client, TokenRevoked, UserInactive
from portal.accounts.services.tokens import TokenInvalid, TokenType
from portal.core import clock
from portal.core.history import acting

pytestmark = pytest.mark.django_db
PATIENT = uuid4()


@pytest.fixture
def patient(make_person: Callable[..., User]) -> User:
    """A patient with an account."""
    return make_person("patient1", kind=UserKind.PATIENT)


@pytest.fixture
def token(patient: User, system: User) -> str:
    """The token of the patient's phone."""
    return issue_device_token(
        user=patient,
        patient_id=PATIENT,
        device_id="phone-1",
        by=system,
        at=clock.now(),
        reason="phone handed out",
    )


def test_token_is_bound_to_its_patient(token: str, patient: User) -> None:
    found = sessions.authenticate(token, clock.now(), accepts=[TokenType.DEVICE])

    assert (found.user, found.session.patient_id) == (patient, PATIENT)


def test_token_lasts_for_months(token: str) -> None:
    later = clock.now() + timedelta(days=365)

    assert sessions.authenticate(token, later, accepts=[TokenType.DEVICE])


def test_token_opens_nothing_else(token: str, client: Browser) -> None:
    with pytest.raises(TokenInvalid):
        sessions.authenticate(token, clock.now())

    response = client.get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


def test_access_token_is_no_device_token(
    patient: User, sign_in: Callable[..., sessions.Tokens]
) -> None:
    issued = sign_in("patient1")

    with pytest.raises(TokenInvalid):
        sessions.authenticate(issued.access, clock.now(), accepts=[TokenType.DEVICE])


def test_lost_phone_is_shut_out_at_once(token: str, system: User) -> None:
    phone = Session.objects.get(kind=SessionKind.DEVICE)

    sessions.revoke_session(session=phone, by=system, at=clock.now(), reason="phone lost")

    with pytest.raises(TokenRevoked):
        sessions.authenticate(token, clock.now(), accepts=[TokenType.DEVICE])


def test_deactivated_patients_phone_is_shut_out(token: str, patient: User, system: User) -> None:
    users.deactivate_user(user=patient, by=system, at=clock.now(), reason="withdrawn")

    with pytest.raises(UserInactive):
        sessions.authenticate(token, clock.now(), accepts=[TokenType.DEVICE])


def test_only_patients_have_device_tokens(ines: User, system: User) -> None:
    with pytest.raises(NotAPatientsAccount):
        issue_device_token(
            user=ines, patient_id=PATIENT, device_id="x", by=system, at=clock.now(), reason="x"
        )


def test_device_session_without_a_patient_is_refused_by_the_database(patient: User) -> None:
    with (
        pytest.raises(IntegrityError, match="device_session_names_its_patient"),
        transaction.atomic(),
        acting(by=patient, reason="sign in"),
    ):
        sessions.open_session(
            user=patient, kind=SessionKind.DEVICE, client=Client(), at=clock.now()
        )
