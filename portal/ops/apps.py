"""Health, metrics, logs, checks."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Register the system checks."""

    name = "portal.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Register the checks by importing them."""
        from portal.ops import checks, connection_checks  # noqa: F401 - settings must be ready
