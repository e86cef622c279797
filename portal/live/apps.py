"""The live side."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class LiveConfig(AppConfig):
    """Sockets, topics, and the updates on their way to them."""

    name = "portal.live"
    label = "live"
    verbose_name = _("Live connections")

    def ready(self) -> None:
        """Find the topics that the apps above offer."""
        autodiscover_modules("topics")
