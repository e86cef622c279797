"""The outbox: messages, their deliveries, and the relay."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    """Load every app's handlers, as Celery loads its tasks."""

    name = "portal.outbox"
    label = "outbox"
    verbose_name = "Outbox"

    def ready(self) -> None:
        """Register the handlers and the check that none is missing."""
        from portal.outbox import checks  # noqa: F401 - registers itself

        autodiscover_modules("handlers")
