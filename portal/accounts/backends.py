"""Signing in through Django's own forms (the admin's), by the same checks as the API."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from portal.accounts.models import User
from portal.accounts.services.credentials import InvalidCredentials, check_credentials
from portal.accounts.services.sign_in_limits import AccountLocked
from portal.core import clock


class PortalBackend(BaseBackend):
    """Authenticates only. Rights are never asked here: portal.access answers, from assignments."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the user, or None; a locked account is refused like a wrong password."""
        if username is None or password is None:
            return None
        address = getattr(request, "client_address", None)
        try:
            return check_credentials(
                username=username, password=password, address=address, at=clock.now()
            )
        except InvalidCredentials:
            return None
        except AccountLocked:
            raise PermissionDenied from None

    def get_user(self, user_id: Any) -> User | None:
        """Return the active user behind a cookie session."""
        return User.objects.filter(pk=user_id, is_active=True).first()
