"""Bearer tokens: who is asking. The session table decides, on every request."""

from collections.abc import Iterable

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.accounts.models import User
from portal.accounts.services import sessions
from portal.accounts.services.sessions import Authenticated
from portal.accounts.services.tokens import TokenInvalid, TokenType
from portal.api.problems import CHALLENGE
from portal.core import clock
from portal.core.errors import NotAuthenticated


class SignInRefused(AuthenticationFailed):
    """The token does not count; the reason is the cause of this exception."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access>`. No header at all means nobody in particular.

    A view that takes other tokens too names all that it takes in `token_types`.
    """

    def authenticate(self, request: Request) -> tuple[User, Authenticated] | None:
        """Return who asks and with what.

        Raises: SignInRefused, from TokenInvalid, TokenExpired, TokenRevoked or UserInactive.
        """
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise TokenInvalid()
            found = sessions.authenticate(token.strip(), clock.now(), _taken_by(request))
        except NotAuthenticated as refusal:
            # Of the framework's own kind, so that it does not ask a second time.
            raise SignInRefused() from refusal
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


def _taken_by(request: Request) -> Iterable[TokenType]:
    view = (request.parser_context or {}).get("view")
    taken: Iterable[TokenType] = getattr(view, "token_types", (TokenType.ACCESS,))
    return taken
