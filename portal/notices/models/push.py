"""Browsers that want to be told by web push."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.core.history import tracked
from portal.core.models import VersionedModel


@tracked()
class PushSubscription(VersionedModel):
    """One browser of one person. Its address and its keys are sealed; `host` is the service's."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    # Whoever ends the session (a lost phone) ends the telling too.
    session = models.ForeignKey(
        "accounts.Session", models.PROTECT, related_name="+", verbose_name=_("session")
    )
    host = models.CharField(_("push service"), max_length=255)
    endpoint_digest = models.CharField(max_length=64, editable=False)
    address = models.BinaryField(_("address, sealed"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.CharField(_("why it ended"), max_length=20, blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("browser for web push")
        verbose_name_plural = _("browsers for web push")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=Q(endpoint_digest__regex="^[0-9a-f]{64}$"),
                name="push_endpoint_is_known_by_its_digest",
            ),
            CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="")
                | Q(ended_at__isnull=False) & ~Q(end_reason=""),
                name="push_subscription_ended_for_a_reason",
            ),
            UniqueConstraint(
                fields=["endpoint_digest"],
                condition=Q(ended_at__isnull=True),
                name="a_browser_tells_one_person",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index("person", name="push_of_person", condition=Q(ended_at__isnull=True))
        ]
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers]

    def __str__(self) -> str:
        return self.host
