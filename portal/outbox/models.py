"""The queue: one row for each message and handler, and the sign of life of the relay (ADR 0009)."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.core.constraints import one_of
from portal.outbox.kinds import Lane


def database_clock() -> Func:
    """The database's clock, the only one by which deliveries are timed."""
    return Func(function="clock_timestamp", output_field=models.DateTimeField())


class State(models.TextChoices):
    """Where a delivery stands."""

    PENDING = "pending", _("waiting")
    DONE = "done", _("done")
    DEAD = "dead", _("dead")
    SKIPPED = "skipped", _("skipped")


LANES = [(Lane.SAFETY.value, _("safety")), (Lane.ORDINARY.value, _("ordinary"))]


class OutboxDelivery(models.Model):
    """One message for one handler: the unit of work.

    A technical row: what a handler does to records has its history there. `leased_until` is both
    the end of a lease and its token: whoever holds another value holds no lease. `payload` holds
    ids, codes and small numbers, never anything about a patient.
    """

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField(_("message"))
    kind = models.TextField(_("kind"))
    version = models.PositiveSmallIntegerField(_("payload version"))
    handler = models.TextField(_("handler"))
    is_ordered = models.BooleanField(_("in order"), default=False)
    lane = models.PositiveSmallIntegerField(_("lane"), choices=LANES)
    resource = models.TextField(_("resource"))
    record_id = models.UUIDField(_("record"))
    ordering_key = models.UUIDField(_("ordering key"))
    trial_id = models.UUIDField(_("trial"), null=True)
    site_id = models.UUIDField(_("site"), null=True)
    payload = models.JSONField(_("payload"), db_default={})
    created_at = models.DateTimeField(_("created"), db_default=database_clock())
    state = models.TextField(_("state"), choices=State.choices, db_default=State.PENDING.value)
    attempts = models.PositiveSmallIntegerField(_("attempts"), db_default=0)
    due_at = models.DateTimeField(_("due"), db_default=database_clock())
    leased_until = models.DateTimeField(_("leased until"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    last_error = models.TextField(_("last error"), db_default="")

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar[list[Any]] = [
            one_of("state", State.values, name="delivery_state_is_known"),
            CheckConstraint(
                condition=Q(lane__in=[lane.value for lane in Lane]), name="delivery_lane_is_known"
            ),
            CheckConstraint(
                condition=Q(state=State.PENDING, finished_at__isnull=True)
                | Q(~Q(state=State.PENDING), finished_at__isnull=False),
                name="a_delivery_is_pending_or_finished",
            ),
            CheckConstraint(
                condition=Q(state=State.PENDING) | Q(leased_until__isnull=True),
                name="only_a_pending_delivery_is_leased",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(F("lane"), F("id"), name="delivery_pending", condition=Q(state="pending")),
            Index(
                F("handler"),
                F("ordering_key"),
                F("id"),
                name="delivery_in_order",
                condition=Q(is_ordered=True, state__in=["pending", "dead"]),
            ),
            Index(F("id").desc(), name="delivery_dead", condition=Q(state="dead")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.handler}"


class RelayHeartbeat(models.Model):
    """The one row in which the active relay says that it lives, and how it works."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seen_at = models.DateTimeField(_("seen"), db_default=database_clock())
    mode = models.TextField(_("mode"), db_default="")

    class Meta:
        verbose_name = _("sign of life of the relay")
        verbose_name_plural = _("signs of life of the relay")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(condition=Q(id=1), name="there_is_one_active_relay")
        ]

    def __str__(self) -> str:
        return str(self.seen_at)
