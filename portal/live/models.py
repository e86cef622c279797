"""What the live side keeps: tickets that were used, who is connected, updates not yet sent.

None of it is a record. An update that is lost is found again by the next snapshot; a connection
that is lost is opened again.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.core.constraints import both_or_neither
from portal.core.ids import uuid7


class UsedTicket(models.Model):
    """A ticket that opened a socket: the digest of its id, so that it opens no second one."""

    jti_digest = models.CharField(max_length=64, primary_key=True)
    used_at = models.DateTimeField(_("used"), db_index=True)

    class Meta:
        verbose_name = _("used ticket")
        verbose_name_plural = _("used tickets")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=Q(jti_digest__regex="^[0-9a-f]{64}$"),
                name="used_ticket_is_kept_as_a_digest",
            )
        ]

    def __str__(self) -> str:
        return self.jti_digest[:8]


class LiveConnection(models.Model):
    """An open socket as its process last told; gone when the socket is."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    process = models.UUIDField(_("process"), db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user")
    )
    session = models.ForeignKey(
        "accounts.Session", models.CASCADE, related_name="+", verbose_name=_("session")
    )
    address = models.GenericIPAddressField(_("address"), null=True)
    opened_at = models.DateTimeField(_("connected"))
    seen_at = models.DateTimeField(_("last told"))
    topics = ArrayField(models.TextField(), verbose_name=_("topics"), default=list)
    messages_in = models.BigIntegerField(_("messages in"), default=0)
    messages_out = models.BigIntegerField(_("messages out"), default=0)
    bytes_out = models.BigIntegerField(_("bytes out"), default=0)
    coalesced = models.BigIntegerField(_("updates joined"), default=0)
    lag_bytes = models.BigIntegerField(_("bytes waiting"), default=0)
    errors = models.IntegerField(_("errors"), default=0)
    close_requested_at = models.DateTimeField(_("to be closed"), null=True)
    close_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("to be closed by"),
    )

    class Meta:
        verbose_name = _("live connection")
        verbose_name_plural = _("live connections")
        indexes: ClassVar[list[Index]] = [
            Index(fields=["-opened_at", "-id"], name="liveconnection_newest")
        ]
        constraints: ClassVar[list[Any]] = [
            both_or_neither(
                "close_requested_at", "close_requested_by", name="live_connection_closed_by_and_at"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class PendingUpdate(models.Model):
    """Records of one site that one statement stored or changed, and no socket was told of yet.

    A trigger writes it, so that every path to the record is live; it holds ids only. What belongs
    to a person and no site (a notice) has neither trial nor site.
    """

    id = models.BigAutoField(primary_key=True)
    resource = models.CharField(_("resource"), max_length=40)
    trial_id = models.UUIDField(_("trial"), null=True)
    site_id = models.UUIDField(_("site"), null=True)
    records = ArrayField(models.UUIDField(), verbose_name=_("records"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("update on its way")
        verbose_name_plural = _("updates on their way")

    def __str__(self) -> str:
        return f"{self.resource} {self.pk}"
