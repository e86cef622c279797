"""The exception for one patient: shown to one person, until a date."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from portal.access.roles import CLINICAL_READ
from portal.access.scoping import AccessPaths
from portal.core.history import tracked
from portal.core.models import VersionedModel

# What can be shown: clinical records. Never who the patient is, never what they were allocated to.
SHAREABLE = tuple(sorted(permission.value for permission in CLINICAL_READ))


@tracked()
class PatientShare(VersionedModel):
    """A patient shown to a person who has no role at their site, from when to when and why.

    The truth from which the rows of PatientUserPermission are made, as assignments are for roles.
    """

    access_paths = AccessPaths(trial="patient__trial_id", site="patient__site_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="shares", verbose_name=_("patient")
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    permissions = models.JSONField(_("what is shown"), default=list)
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"))
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("granted by")
    )
    reason = models.CharField(_("reason"), max_length=500)

    class Meta(VersionedModel.Meta):
        verbose_name = _("shared patient")
        verbose_name_plural = _("shared patients")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=Q(to_at__gte=F("from_at")), name="a_share_ends_after_it_begins"
            ),
            CheckConstraint(condition=~Q(reason=""), name="a_share_has_a_reason"),
            CheckConstraint(
                condition=Q(permissions__contained_by=list(SHAREABLE)) & ~Q(permissions=[]),
                name="a_share_shows_clinical_records_only",
            ),
            CheckConstraint(
                condition=~Q(person=F("granted_by")), name="nobody_shares_a_patient_with_themselves"
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["person", "to_at"], name="share_held")]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.person_id}"
