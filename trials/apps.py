"""What the protocol says."""

import importlib

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class TrialsConfig(AppConfig):
    """Sponsors, trials, sites, assignments."""

    name = "trials"
    verbose_name = _("Trials")

    def ready(self) -> None:
        """Say where access and ladders come from; keep what guardian's foreign keys point to."""
        importlib.import_module("trials.services.access")
        importlib.import_module("trials.services.duty")
        importlib.import_module("trials.selectors")
        post_migrate.connect(_ensure_permissions, sender=self)


def _ensure_permissions(**_: object) -> None:
    from portal.access.grants import ensure_permissions
    from trials.models import Site, Trial

    ensure_permissions([Trial, Site])
