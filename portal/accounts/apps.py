"""People and service accounts."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    """Users, sessions, lock-out."""

    name = "portal.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Keep Django from writing last_login: the session's row says it, with its history."""
        user_logged_in.disconnect(dispatch_uid="update_last_login")
