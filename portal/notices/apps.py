"""Notices."""

import importlib

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    """Notices, acknowledgement, escalation, and the ways out of the house."""

    name = "portal.notices"
    label = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Offer the pages of the desk and what carries letters; say whether the watcher watches."""
        importlib.import_module("portal.notices.channels.email")
        importlib.import_module("portal.notices.channels.push")
        importlib.import_module("portal.notices.desk")
        importlib.import_module("portal.notices.standing")
