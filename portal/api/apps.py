"""The HTTP edge: sign-in, problem answers, lists, schema."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Plumbing of every endpoint, and the endpoints of the kernel."""

    name = "portal.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        """Register the check that every action declares its permission."""
        from portal.api import checks  # noqa: F401
