"""People in a trial."""

import importlib

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PatientsConfig(AppConfig):
    """Patients and their data."""

    name = "patients"
    verbose_name = _("Patients")

    def ready(self) -> None:
        """Say where access comes from, and keep the rows that guardian's foreign keys point to."""
        importlib.import_module("patients.selectors")
        importlib.import_module("patients.services.accounts")
        importlib.import_module("patients.services.caregivers")
        importlib.import_module("patients.services.alerts")
        importlib.import_module("patients.services.sharing")
        importlib.import_module("patients.access_history")
        post_migrate.connect(_ensure_permissions, sender=self)


def _ensure_permissions(**_: object) -> None:
    from patients.models import Patient
    from portal.access.grants import ensure_permissions

    ensure_permissions([Patient])
