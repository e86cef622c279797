"""Questionnaires and diaries, versioned and translated."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import never_deleted
from trials.models.protocol_version import PlanPart


@tracked()
class Instrument(VersionedModel):
    """One version of an instrument. Its definition never changes; a change is a new version.

    `definition` holds items (with `critical` and `safety` marks), translations, scoring and the
    emergency text by country and language.
    """

    access_paths = AccessPaths(trial="schedules__trial", through_many=True)

    code = models.CharField(_("code"), max_length=60)
    instrument_version = models.CharField(_("version"), max_length=20)
    title = models.CharField(_("title"), max_length=200)
    definition = models.JSONField(_("definition"), default=dict)

    class Meta(VersionedModel.Meta):
        verbose_name = _("instrument")
        verbose_name_plural = _("instruments")
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, never_deleted()]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["code", "instrument_version"], name="instrument_version_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.instrument_version}"


@tracked()
class InstrumentSchedule(PlanPart):
    """When an instrument is due: a window of local wall time on each of these days."""

    instrument = models.ForeignKey(
        Instrument, models.PROTECT, related_name="schedules", verbose_name=_("instrument")
    )
    opens_local = models.TimeField(_("opens"))
    closes_local = models.TimeField(_("closes"))
    every_days = models.PositiveIntegerField(_("every (days)"), default=1)
    first_day = models.IntegerField(_("first study day"), default=1)
    last_day = models.IntegerField(_("last study day"), null=True, blank=True)

    class Meta(PlanPart.Meta):
        verbose_name = _("instrument schedule")
        verbose_name_plural = _("instrument schedules")

    def __str__(self) -> str:
        return self.oid
