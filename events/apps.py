"""Clinical safety events."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """Adverse events, their versions and assessments."""

    name = "events"
    verbose_name = _("Safety")
