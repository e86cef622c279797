"""The desk: Django's admin with our own site, theme and rights."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class DeskConfig(AppConfig):
    """Find every `admin` module once all models are loaded."""

    name = "portal.desk"
    label = "desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        """Register the admin of the domain apps and of the kernel."""
        autodiscover_modules("admin")
