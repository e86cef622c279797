"""The guardian tables of trial and site: an index made by `sync_access` (ADR 0005)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.access.models import AnchoredUserPermission, anchor
from trials.models.site import Site
from trials.models.trial import Trial


@anchor("trial")
class TrialUserPermission(AnchoredUserPermission):
    """One person holds one permission on one trial."""

    content_object = models.ForeignKey(
        Trial, models.CASCADE, related_name="+", verbose_name=_("trial")
    )

    class Meta(AnchoredUserPermission.Meta):
        verbose_name = _("right at a trial")
        verbose_name_plural = _("rights at trials")


@anchor("site")
class SiteUserPermission(AnchoredUserPermission):
    """One person holds one permission on one site."""

    content_object = models.ForeignKey(
        Site, models.CASCADE, related_name="+", verbose_name=_("site")
    )

    class Meta(AnchoredUserPermission.Meta):
        verbose_name = _("right at a site")
        verbose_name_plural = _("rights at sites")
