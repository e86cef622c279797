"""Sponsor and institution: the tenant, and the hospital."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.history import tracked
from portal.core.models import VersionedModel


@tracked()
class Sponsor(VersionedModel):
    """Whoever takes responsibility for a trial (ICH E6(R3) glossary): the tenant."""

    access_paths = AccessPaths(trial="trials", through_many=True)

    name = models.CharField(_("name"), max_length=200)

    class Meta(VersionedModel.Meta):
        verbose_name = _("sponsor")
        verbose_name_plural = _("sponsors")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["name"], name="sponsor_name_is_unique")
        ]

    def __str__(self) -> str:
        return self.name


@tracked()
class Institution(VersionedModel):
    """A hospital or practice. It takes part in a trial as a site."""

    access_paths = AccessPaths(trial="sites__trial", site="sites", through_many=True)

    name = models.CharField(_("name"), max_length=200)
    country = models.CharField(
        _("country"), max_length=3, blank=True, help_text=_("ISO 3166-1 alpha-3; empty: unknown")
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")

    def __str__(self) -> str:
        return self.name
