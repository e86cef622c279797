"""How a person wants to be told, and who stands in for them."""

from datetime import time
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.core.constraints import both_or_neither
from portal.core.history import tracked
from portal.core.models import VersionedModel


@tracked()
class Preference(VersionedModel):
    """How a person wants to be told. What concerns safety asks none of it."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    email = models.BooleanField(_("e-mail"), default=True)
    push = models.BooleanField(_("web push"), default=True)
    digest = models.BooleanField(_("daily digest"), default=True)
    digest_at = models.TimeField(_("digest at"), default=time(8))
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", help_text=_("IANA time zone")
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints: ClassVar[list[Any]] = [
            both_or_neither("quiet_from", "quiet_until", name="quiet_hours_begin_and_end")
        ]

    def __str__(self) -> str:
        return str(self.person_id)


@tracked()
class Absence(VersionedModel):
    """Somebody is away; the deputy is told of what comes meanwhile, and may acknowledge it."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("deputy")
    )
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"))

    class Meta(VersionedModel.Meta):
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=~Q(deputy=F("person")), name="nobody_stands_in_for_themselves"
            ),
            CheckConstraint(
                condition=Q(to_at__gte=F("from_at")), name="an_absence_ends_after_it_begins"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["person", "to_at"], name="absence_of"),
            Index(fields=["deputy", "to_at"], name="absence_deputy"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} → {self.deputy_id}"
