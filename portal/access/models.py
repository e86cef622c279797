"""Bases of the guardian tables. Each has a real foreign key to its anchor, never a generic one.

The rows are an index: assignments (and a patient's own account) are the truth, `sync_access` makes
the rows from them (ADR 0005). `valid_from` and `valid_until` let an assignment begin and end
without waiting for the next rebuild.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import UniqueConstraint
from django.utils.translation import gettext_lazy as _
from guardian.models import UserObjectPermissionBase

from portal.core.triggers import announce_rights

# Anchor name -> table; scope is resolved from these in one query.
EVERYWHERE = "portal"
ANCHORS: dict[str, type["AnchoredUserPermission"]] = {}


class AnchoredUserPermission(UserObjectPermissionBase):
    """One person holds one permission on one anchor (`content_object`)."""

    anchor: ClassVar[str]
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("person"))
    permission = models.ForeignKey(Permission, models.CASCADE, verbose_name=_("right"))
    valid_from = models.DateTimeField(_("from"))
    valid_until = models.DateTimeField(_("until"), null=True)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True
        triggers: ClassVar[list[Any]] = announce_rights()


def anchor(name: str) -> Any:
    """Register a concrete guardian table as the index of anchor `name` (trial, site, patient)."""

    def decorate(model: type[AnchoredUserPermission]) -> type[AnchoredUserPermission]:
        model.anchor = name
        ANCHORS[name] = model
        return model

    return decorate


class PortalUserPermission(models.Model):
    """One person holds one permission everywhere. The index of assignments to the whole portal."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    permission = models.ForeignKey(
        Permission, models.CASCADE, related_name="+", verbose_name=_("right")
    )
    valid_from = models.DateTimeField(_("from"))
    valid_until = models.DateTimeField(_("until"), null=True)

    class Meta:
        verbose_name = _("right everywhere")
        verbose_name_plural = _("rights everywhere")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["user", "permission"], name="a_right_held_everywhere_is_indexed_once"
            )
        ]
        triggers: ClassVar[list[Any]] = announce_rights()

    def __str__(self) -> str:
        return f"{self.user_id} {self.permission_id}"
