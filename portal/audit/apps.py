"""Acts that change no row, and the seals over history."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit trail beside the trigger-written history."""

    name = "portal.audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Keep what accounts tell of."""
        from portal.audit import sign_ins  # noqa: F401
