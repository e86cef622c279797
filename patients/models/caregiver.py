"""Who cares for one patient, and how they are related."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from patients.vocabulary import Relation
from portal.access.scoping import AccessPaths
from portal.core.constraints import one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel


@tracked()
class Caregiver(VersionedModel):
    """A person cares for one patient and may answer in their place, from when to when.

    The truth from which the rows of PatientUserPermission are made, as assignments are for roles.
    """

    access_paths = AccessPaths(trial="patient__trial_id", site="patient__site_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="caregivers", verbose_name=_("patient")
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="cares_for",
        verbose_name=_("person"),
    )
    relation = models.CharField(_("relation"), max_length=20, choices=Relation.choices)
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"), null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("granted by")
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("caregiver")
        verbose_name_plural = _("caregivers")
        constraints: ClassVar[list[Any]] = [
            one_of("relation", Relation.values, name="caregiver_relation_is_known"),
            CheckConstraint(
                condition=Q(to_at__isnull=True) | Q(to_at__gte=F("from_at")),
                name="a_caregiver_ends_after_they_begin",
            ),
            CheckConstraint(
                condition=~Q(person=F("granted_by")), name="nobody_makes_themselves_a_caregiver"
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["person", "to_at"], name="caregiver_held")]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.person_id}"
