"""Device tokens: a patient's phone keeps one for months; it opens the intake and nothing else."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.accounts.models import Session, SessionKind, User, UserKind
from portal.accounts.services import tokens
from portal.accounts.services.acts import Act, Told, tell
from portal.accounts.services.sessions import Client, open_session, tell_of_session
from portal.accounts.services.tokens import TokenType
from portal.core.bulk import copy_in
from portal.core.errors import RuleBroken
from portal.core.history import acting
from portal.core.ids import uuid7

LIFETIME = timedelta(days=400)


class NotAServiceAccount(RuleBroken):
    """Gateway tokens are for an active service account."""

    code = "not_a_service_account"


class NotAPatientsAccount(RuleBroken):
    """Device tokens are for the account of an active patient."""

    code = "not_a_patients_account"


def issue_device_token(
    *, user: User, patient_id: UUID, device_id: str, by: User, at: datetime, reason: str
) -> str:
    """Return a new token bound to one patient; it is shown once and stored nowhere.

    It ends with its session: revoke_session for a lost phone, sign_out_everywhere for all.
    Raises: NotAPatientsAccount.
    """
    if user.kind != UserKind.PATIENT or not user.is_active:
        raise NotAPatientsAccount()
    with acting(by=by, at=at, reason=reason):
        session = open_session(
            user=user,
            kind=SessionKind.DEVICE,
            client=Client(device_id=device_id),
            at=at,
            lifetime=LIFETIME,
            patient_id=patient_id,
        )
        tell_of_session(Act.DEVICE_TOKEN_ISSUED, session, by=by, at=at, device=session.device_id)
    return tokens.make(
        TokenType.DEVICE,
        user=user.pk,
        session=session.pk,
        issued_at=at,
        expires_at=session.expires_at,
    )


def issue_gateway_token(
    *, user: User, site_id: UUID, device_id: str, by: User, at: datetime, reason: str
) -> str:
    """Return a new token of a site's bedside gateway; it is shown once and stored nowhere.

    It uploads readings of the patients of that site and nothing else; its account is a service's,
    with which nobody signs in.
    Raises: NotAServiceAccount.
    """
    if user.kind != UserKind.SERVICE or not user.is_active:
        raise NotAServiceAccount()
    with acting(by=by, at=at, reason=reason):
        session = open_session(
            user=user,
            kind=SessionKind.DEVICE,
            client=Client(device_id=device_id),
            at=at,
            lifetime=LIFETIME,
            site_id=site_id,
        )
    return tokens.make(
        TokenType.DEVICE,
        user=user.pk,
        session=session.pk,
        issued_at=at,
        expires_at=session.expires_at,
    )


def issue_device_tokens(
    *,
    phones: Sequence[tuple[User, UUID]],
    device_id: str,
    by: User,
    at: datetime,
    reason: str,
) -> Iterator[str]:
    """Record a session for each (account, patient) at once; yield their tokens in the same order.

    The sessions stand when this returns; what is left to do while iterating is the signing.
    Raises: NotAPatientsAccount, and then nothing is recorded.
    """
    if any(user.kind != UserKind.PATIENT or not user.is_active for user, _ in phones):
        raise NotAPatientsAccount()
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(at),
            "created_at": at,
            "user_id": user.pk,
            "kind": SessionKind.DEVICE,
            "patient_id": patient_id,
            "expires_at": at + LIFETIME,
            "session_version": user.session_version,
            "device_id": device_id[:100],
        }
        for user, patient_id in phones
    ]
    with acting(by=by, at=at, reason=reason):
        copy_in(Session, rows)
        told = {"tokens": len(rows), "device": device_id[:100]}
        tell(Told(Act.DEVICE_TOKEN_ISSUED, by=by, at=at, resource="session", detail=told))
    return (
        tokens.make(
            TokenType.DEVICE,
            user=row["user_id"],
            session=row["id"],
            issued_at=at,
            expires_at=row["expires_at"],
        )
        for row in rows
    )
