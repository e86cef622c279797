"""User name and password, checked in equal time whether the account exists or not."""

from datetime import datetime

import structlog
from django.contrib.auth.hashers import check_password, make_password

from portal.accounts.models import User, UserKind
from portal.accounts.services import sign_in_limits
from portal.accounts.services.sign_in_limits import AccountLocked
from portal.accounts.services.sign_in_refusals import Refusal, refuse
from portal.core.errors import NotAuthenticated

log = structlog.get_logger(__name__)

LONGEST_PASSWORD = 1000


class InvalidCredentials(NotAuthenticated):
    """User name or password is not right."""

    code = "invalid_credentials"


def check_credentials(*, username: str, password: str, address: str | None, at: datetime) -> User:
    """Return the user whom name and password identify.

    Unknown names, wrong passwords, inactive accounts and service accounts are answered alike, in
    text and in time: each costs one run of the password hasher.
    Source: OWASP ASVS 5.0 6.3.1 and 6.3.8.
    Raises: InvalidCredentials, AccountLocked, SignInBusy.
    """
    name = User.normalize_username(username)
    try:
        with sign_in_limits.attempt(name.lower(), address, at) as attempt:
            user = _find(name)
            if _matches(password, user) and user is not None:
                attempt.has_succeeded = True
                return user
    except AccountLocked:
        refuse(Refusal(name.lower(), _find(name), address, "locked"), at=at)
        raise
    refuse(Refusal(name.lower(), user, address, "credentials"), at=at)
    # The name as typed may be a password in the wrong box: it is not written down.
    log.warning("sign_in_refused", account=str(user.pk) if user else "unknown")
    raise InvalidCredentials()


def _find(name: str) -> User | None:
    # PostgreSQL knows neither NUL nor lone surrogates, and no account has them in its name.
    if len(name) > 150 or "\x00" in name or not name.isprintable():
        return None
    return User.objects.named(name).first()


def _matches(password: str, user: User | None) -> bool:
    is_possible = 0 < len(password) <= LONGEST_PASSWORD and _is_unicode(password)
    given = password if is_possible else "-"
    if user is None:
        make_password(given)
        return False
    is_right = check_password(given, user.password)
    may_sign_in = user.is_active and user.kind != UserKind.SERVICE
    return is_possible and is_right and may_sign_in


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
