"""The guardian tables of trial and site: an index made by `sync_access` (ADR 0005)."""

from django.db import models

from portal.access.models import AnchoredUserPermission, anchor
from trials.models.site import Site
from trials.models.trial import Trial


@anchor("trial")
class TrialUserPermission(AnchoredUserPermission):
    """One person holds one permission on one trial."""

    content_object = models.ForeignKey(Trial, models.CASCADE, related_name="+")

    class Meta(AnchoredUserPermission.Meta):
        pass


@anchor("site")
class SiteUserPermission(AnchoredUserPermission):
    """One person holds one permission on one site."""

    content_object = models.ForeignKey(Site, models.CASCADE, related_name="+")

    class Meta(AnchoredUserPermission.Meta):
        pass
