"""Sessions: sign in, refresh, sign out, and the one query that decides on every request."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.utils.crypto import salted_hmac

from portal.accounts.models import EndReason, RefreshToken, Session, SessionKind, User
from portal.accounts.services import tokens
from portal.accounts.services.acts import Act, Told, tell
from portal.accounts.services.credentials import check_credentials
from portal.accounts.services.tokens import Claims, TokenExpired, TokenInvalid, TokenType
from portal.core.errors import NotAuthenticated
from portal.core.history import acting, under

log = structlog.get_logger(__name__)

# Session kinds by the token that carries them.
_KIND_OF = {
    TokenType.ACCESS: SessionKind.WEB,
    TokenType.REFRESH: SessionKind.WEB,
    TokenType.DEVICE: SessionKind.DEVICE,
    TokenType.TICKET: SessionKind.WEB,
}
RolesOf = Callable[[User], Iterable[str]]


class TokenRevoked(NotAuthenticated):
    """The session has ended; sign in again."""

    code = "token_revoked"


class UserInactive(NotAuthenticated):
    """The account is not active."""

    code = "user_inactive"


@dataclass(frozen=True, slots=True)
class Client:
    """What the edge knows of the program that calls; `address` is None when unknown."""

    address: str | None = None
    user_agent: str = ""
    device_id: str = ""

    @property
    def digest(self) -> str:
        """What makes two calls come from the same device; addresses change with the network."""
        told = f"{self.user_agent}\x1f{self.device_id}".encode("utf-8", "backslashreplace")
        return hashlib.sha256(told).hexdigest()


@dataclass(frozen=True, slots=True)
class Tokens:
    """The answer to a sign-in or refresh."""

    access: str
    refresh: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    user: User
    session: Session


@dataclass(frozen=True, slots=True)
class _Issued:
    """A refresh token that was recorded: its id, which no row holds, and its times."""

    jti: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who stands behind a token that still counts."""

    user: User
    session: Session
    token_type: TokenType
    issued_at: datetime
    expires_at: datetime


def sign_in(
    *, username: str, password: str, client: Client, at: datetime, roles_of: RolesOf
) -> Tokens:
    """Check name and password, open a session and return its first tokens.

    Must not run inside a transaction (see sign_in_limits). Roles are for display in the token.
    Raises: InvalidCredentials, AccountLocked, SignInBusy.
    """
    user = check_credentials(username=username, password=password, address=client.address, at=at)
    roles = list(roles_of(user))
    with (
        under(role=" ".join(roles), organization=user.organization),
        acting(by=user, at=at, reason="sign in"),
    ):
        session = open_session(user=user, kind=SessionKind.WEB, client=client, at=at)
        first = _issue(session, jti=tokens.new_jti(), at=at)
        tell_of_session(Act.SIGNED_IN, session, by=user, at=at, kind=session.kind)
    return _tokens(session, first, at, lambda _user: roles)


def open_session(
    *,
    user: User,
    kind: SessionKind,
    client: Client,
    at: datetime,
    lifetime: timedelta | None = None,
    patient_id: UUID | None = None,
    site_id: UUID | None = None,
) -> Session:
    """Record that `user` has signed in. The caller has checked who they are and is acting.

    The version copied is the one read before the password was checked: whatever was changed since
    ends this session too.
    """
    return Session.objects.create(
        user=user,
        kind=kind,
        created_at=at,
        expires_at=at + (lifetime or settings.REFRESH_TOKEN_LIFETIME),
        patient_id=patient_id,
        site_id=site_id,
        session_version=user.session_version,
        user_agent=_printable(client.user_agent, 300),
        address=client.address,
        device_id=_printable(client.device_id, 100),
    )


def refresh(*, token: str, client: Client, at: datetime, roles_of: RolesOf) -> Tokens:
    """Exchange a refresh token for its one successor and a new access token.

    A repeat by the same device within the grace is given the very same successor; any later use of
    a used token ends the session, for it shows that somebody has a copy.
    Source: RFC 9700 4.14.2. Locks: the refresh token's row.
    Raises: TokenInvalid, TokenExpired, TokenRevoked, UserInactive.
    """
    claims = tokens.read(token, {TokenType.REFRESH}, at)
    with acting(by=claims.user, at=at, reason="refresh"):
        session, successor = _rotate(claims, client, at)
    if successor is None:
        log.warning("refresh_token_reused", session=str(session.pk), user=str(session.user_id))
        raise TokenRevoked()
    return _tokens(session, successor, at, roles_of)


def authenticate(
    token: str, at: datetime, accepts: Iterable[TokenType] = (TokenType.ACCESS,)
) -> Authenticated:
    """Return who stands behind `token`, as of now in the database. One query, no write.

    Raises: TokenInvalid, TokenExpired, TokenRevoked, UserInactive.
    """
    claims = tokens.read(token, accepts, at)
    session = _checked(_session(claims.session), claims, at)
    structlog.contextvars.bind_contextvars(user=str(claims.user), session=str(claims.session))
    return Authenticated(
        user=session.user,
        session=session,
        token_type=claims.token_type,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
    )


def sign_out(*, session: Session, by: User | UUID, at: datetime) -> None:
    """End the session of the person who asks; its access token stops at once."""
    with acting(by=by, at=at, reason="sign out"):
        rows = Session.objects.filter(pk=session.pk)
        if end_sessions(rows, why=EndReason.SIGNED_OUT, by=by, at=at):
            tell_of_session(Act.SIGNED_OUT, session, by=by, at=at, kind=session.kind)


def sign_out_everywhere(*, user: User, by: User, at: datetime, reason: str) -> None:
    """End every session of `user`, phones included."""
    with acting(by=by, at=at, reason=reason):
        end_all_sessions(user=user, why=EndReason.REVOKED, by=by, at=at)


def revoke_session(*, session: Session, by: User, at: datetime, reason: str) -> None:
    """End one session of somebody (a lost phone, a forgotten browser)."""
    with acting(by=by, at=at, reason=reason):
        rows = Session.objects.filter(pk=session.pk)
        if end_sessions(rows, why=EndReason.REVOKED, by=by, at=at):
            why = EndReason.REVOKED.value
            tell_of_session(Act.SESSION_ENDED, session, by=by, at=at, kind=session.kind, why=why)


def end_all_sessions(*, user: User, why: EndReason, by: User | UUID, at: datetime) -> None:
    """Make every token of `user` stop, those being issued at this moment too. Inside acting().

    Locks: the user's row and the rows of the open sessions.
    """
    User.objects.filter(pk=user.pk).update(session_version=F("session_version") + 1)
    ended = end_sessions(Session.objects.filter(user=user), why=why, by=by, at=at)
    if ended:
        tell(
            Told(
                Act.SESSION_ENDED,
                by=by,
                at=at,
                resource="user",
                record_id=user.pk,
                detail={"why": why.value, "sessions": ended},
            )
        )


def tell_of_session(
    act: Act, session: Session, *, by: User | UUID, at: datetime, **detail: Any
) -> None:
    """Have written down what became of one session. Inside acting()."""
    tell(
        Told(
            act,
            by=by,
            at=at,
            resource="session",
            record_id=session.pk,
            patient_id=session.patient_id,
            detail=detail,
        )
    )


def end_sessions(
    sessions: QuerySet[Session], *, why: EndReason, by: User | UUID, at: datetime
) -> int:
    """Mark those of `sessions` still open as ended and return how many. Inside acting()."""
    return sessions.filter(revoked_at__isnull=True).update(
        revoked_at=at,
        revoked_by_id=by if isinstance(by, UUID) else by.pk,
        revoked_reason=why,
    )


def check_session(session: Session | None, at: datetime) -> Session:
    """Return `session` if it still counts; its user must have been read with it.

    Raises: TokenInvalid, TokenExpired, TokenRevoked, UserInactive.
    """
    if session is None:
        raise TokenInvalid()
    if not session.user.is_active:
        raise UserInactive()
    if session.revoked_at or session.session_version != session.user.session_version:
        raise TokenRevoked()
    if session.expires_at <= at:
        raise TokenExpired()
    return session


def _session(key: UUID) -> Session | None:
    """Return a session with its user, as of now in the database."""
    with connection.cursor() as cursor:
        cursor.execute(_session_sql(), [key])
        row = cursor.fetchone()
    if row is None:
        return None
    names, names_of_user = _attributes(Session), _attributes(User)
    session = Session.from_db(connection.alias, names, row[: len(names)])
    session.user = User.from_db(connection.alias, names_of_user, row[len(names) :])
    return session


@cache
def _session_sql() -> str:
    """One statement, made once: every request begins with it."""
    columns = [f"s.{field.column}" for field in Session._meta.concrete_fields]
    columns += [f"u.{field.column}" for field in User._meta.concrete_fields]
    return (
        f"SELECT {', '.join(columns)} FROM {Session._meta.db_table} s "  # noqa: S608 - our names
        f"JOIN {User._meta.db_table} u ON u.id = s.user_id WHERE s.id = %s"
    )


@cache
def _attributes(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def _checked(session: Session | None, claims: Claims, at: datetime) -> Session:
    if session and (
        session.user_id != claims.user or session.kind != _KIND_OF.get(claims.token_type)
    ):
        raise TokenInvalid()
    return check_session(session, at)


def _rotate(claims: Claims, client: Client, at: datetime) -> tuple[Session, _Issued | None]:
    """Use the token and return its successor; None when it had been used before."""
    used = (
        RefreshToken.objects.select_for_update(of=("self",))
        .select_related("session__user")
        .filter(jti_digest=_digest(claims.jti), session_id=claims.session)
        .first()
    )
    if used is None:
        raise TokenInvalid()
    session = _checked(used.session, claims, at)
    if used.used_at is None:
        RefreshToken.objects.filter(pk=used.pk).update(used_at=at, used_by_client=client.digest)
        return session, _issue(session, jti=_successor_jti(claims.jti), at=at, parent=used)
    is_repeat = at - used.used_at <= settings.REFRESH_GRACE
    if is_repeat and used.used_by_client == client.digest:
        successor = RefreshToken.objects.get(parent=used)
        jti = _successor_jti(claims.jti)
        return session, _Issued(jti, successor.issued_at, successor.expires_at)
    end_sessions(
        Session.objects.filter(pk=session.pk), why=EndReason.REUSED, by=session.user, at=at
    )
    tell_of_session(
        Act.TOKEN_REUSED,
        session,
        by=session.user,
        at=at,
        address=client.address,
        program=_printable(client.user_agent, 300),
        device=_printable(client.device_id, 100),
    )
    return session, None


def _issue(
    session: Session, *, jti: str, at: datetime, parent: RefreshToken | None = None
) -> _Issued:
    """Record a refresh token by the digest of its id."""
    issued_at = at.replace(microsecond=0)
    RefreshToken.objects.create(
        session=session,
        parent=parent,
        jti_digest=_digest(jti),
        issued_at=issued_at,
        expires_at=session.expires_at,
        created_at=at,
    )
    return _Issued(jti, issued_at, session.expires_at)


def _tokens(session: Session, issued: _Issued, at: datetime, roles_of: RolesOf) -> Tokens:
    expires_at = min(at + settings.ACCESS_TOKEN_LIFETIME, session.expires_at)
    user = session.user
    return Tokens(
        access=tokens.make(
            TokenType.ACCESS,
            user=user.pk,
            session=session.pk,
            issued_at=at,
            expires_at=expires_at,
            roles=roles_of(user),
        ),
        refresh=tokens.make(
            TokenType.REFRESH,
            user=user.pk,
            session=session.pk,
            issued_at=issued.issued_at,
            expires_at=issued.expires_at,
            jti=issued.jti,
        ),
        access_expires_at=expires_at.replace(microsecond=0),
        refresh_expires_at=issued.expires_at,
        user=user,
        session=session,
    )


def _successor_jti(jti: str) -> str:
    return salted_hmac("portal.accounts.refresh_successor", jti, algorithm="sha256").hexdigest()


def _digest(jti: str) -> str:
    return hashlib.sha256(jti.encode()).hexdigest()


def _printable(text: str, longest: int) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:longest]
