"""The admin's cookie session, tied to a row of the session table.

Django's own session only holds the row's id. Ending the row (sign-out everywhere, deactivation,
another password or role) therefore shuts the admin at the next request, like any token.
"""

from uuid import UUID

from django.http import HttpRequest

from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services.acts import Act
from portal.accounts.services.sessions import (
    Client,
    check_session,
    open_session,
    sign_out,
    tell_of_session,
)
from portal.core import clock
from portal.core.history import acting

SESSION_KEY = "portal_session"


def open_desk_session(request: HttpRequest, user: User, client: Client | None = None) -> Session:
    """Record the admin sign-in of `user`; call it right after django.contrib.auth.login()."""
    at = clock.now()
    with acting(by=user, at=at, reason="sign in"):
        session = open_session(
            user=user, kind=SessionKind.DESK, client=client or client_of(request), at=at
        )
        tell_of_session(Act.SIGNED_IN, session, by=user, at=at, kind=session.kind)
    request.session[SESSION_KEY] = str(session.pk)
    return session


def desk_session(request: HttpRequest) -> Session:
    """Return the session behind the admin's cookie, if it still counts. One query, no write.

    Raises: TokenInvalid, TokenExpired, TokenRevoked, UserInactive.
    """
    known = request.session.get(SESSION_KEY)
    found = (
        Session.objects.select_related("user").filter(pk=UUID(known), kind=SessionKind.DESK).first()
        if known
        else None
    )
    return check_session(found, clock.now())


def close_desk_session(request: HttpRequest) -> None:
    """Record the admin sign-out; call it right before django.contrib.auth.logout()."""
    known = request.session.get(SESSION_KEY)
    session = Session.objects.filter(pk=UUID(known)).first() if known else None
    if session is None:
        return
    sign_out(session=session, by=session.user_id, at=clock.now())


def client_of(request: HttpRequest) -> Client:
    """Return what is known of the calling program; the middleware has resolved the address."""
    return Client(
        address=getattr(request, "client_address", None),
        user_agent=request.headers.get("User-Agent", ""),
        device_id=request.headers.get("X-Device-Id", ""),
    )
