"""Letters on their way out, and what each provider answered."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.append_only import AppendOnlyModel
from portal.core.constraints import one_of
from portal.core.models import TimestampedModel
from portal.notices.channels.base import Outcome
from portal.notices.models.notice import Notice
from portal.notices.vocabulary import DispatchState, Way


class Dispatch(TimestampedModel):
    """A letter that is to leave: its id is the letter's, whatever happens on the way.

    A technical row: what came of it stands in NoticeSending. `leased_until` is the time until which
    one watcher has it in hand.
    """

    notice = models.ForeignKey(
        Notice, models.PROTECT, related_name="dispatches", verbose_name=_("notice")
    )
    way = models.CharField(_("way"), max_length=10, choices=Way.choices)
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(
        _("state"), max_length=10, choices=DispatchState.choices, default=DispatchState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("in hand until"), null=True)

    class Meta:
        verbose_name = _("letter on its way")
        verbose_name_plural = _("letters on their way")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["notice", "way", "round"], name="a_notice_leaves_once_a_round_by_each_way"
            ),
            one_of("way", Way.values, name="dispatch_way_is_known"),
            one_of("state", DispatchState.values, name="dispatch_state_is_known"),
            CheckConstraint(
                condition=Q(state=DispatchState.PENDING) | Q(leased_until__isnull=True),
                name="only_a_waiting_letter_is_in_hand",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(F("due_at"), name="dispatch_due", condition=Q(state=DispatchState.PENDING))
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.round}"


class NoticeSending(AppendOnlyModel):
    """One attempt to reach a person, and the provider's answer. Sent is not reached."""

    access_paths = AccessPaths(
        trial="notice__trial_id", site="notice__site_id", patient="notice__patient_id"
    )

    notice = models.ForeignKey(
        Notice, models.PROTECT, related_name="sendings", verbose_name=_("notice")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Way.choices)
    attempt = models.PositiveSmallIntegerField(_("attempt"))
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices)
    provider = models.CharField(_("provider's answer"), max_length=200, blank=True)
    message_id = models.CharField(_("message id"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta(AppendOnlyModel.Meta):
        verbose_name = _("sending of a notice")
        verbose_name_plural = _("sendings of notices")
        constraints: ClassVar[list[Any]] = [
            one_of("channel", Way.values, name="sending_channel_is_known"),
            one_of("outcome", Outcome.values, name="sending_outcome_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.outcome}"
