"""A notice: one row for each person told."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import TimestampedModel
from portal.core.triggers import GuardedRowTrigger, GuardedTrigger
from portal.notices.kinds import KIND_VALUES
from portal.notices.models.escalation import Escalation
from portal.notices.vocabulary import Urgency

_NOWHERE = "'00000000-0000-0000-0000-000000000000'::uuid"


def _announce(rows: str) -> str:
    # The names are the code's own; nothing here is anybody's input.
    return f"""
        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)
        SELECT 'notice', {_NOWHERE}, {_NOWHERE}, array_agg(r.id), clock_timestamp()
        FROM {rows} HAVING count(*) > 0;
        PERFORM pg_notify('live', '');
        RETURN NULL;
    """  # noqa: S608


# What its reader does with it counts as a version; that a screen showed it does not, so that a
# version that was read before still lets one acknowledge.
_COUNT = GuardedRowTrigger(
    name="count_versions",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func=(
        "IF (NEW.id, NEW.person_id, NEW.sequence) <> (OLD.id, OLD.person_id, OLD.sequence) THEN "
        "RAISE EXCEPTION 'whom a notice tells, and its place, never change' "
        "USING ERRCODE = 'check_violation'; END IF; "
        "IF NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at THEN "
        "NEW.version := OLD.version + 1; END IF; RETURN NEW;"
    ),
)
# A pending update in the notice's own transaction: an open screen shows it as soon as it is there.
_LIVE = [
    GuardedTrigger(
        name="live_insert",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_values"),
        func=_announce("new_values r"),
    ),
    GuardedTrigger(
        name="live_update",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        referencing=pgtrigger.Referencing(new="new_values", old="old_values"),
        func=_announce(
            "new_values r JOIN old_values o ON o.id = r.id WHERE o.version <> r.version"
        ),
    ),
]


class NoticeCounter(models.Model):
    """The last sequence given to a person: locked while a notice takes the next."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="+",
        verbose_name=_("person"),
    )
    last = models.BigIntegerField(_("last sequence"), default=0)

    class Meta:
        verbose_name = _("count of notices")
        verbose_name_plural = _("counts of notices")

    def __str__(self) -> str:
        return f"{self.person_id}: {self.last}"


@tracked()
class Notice(TimestampedModel):
    """Somebody is told of a record: ids and numbers only.

    `occasion` tells one telling of a record from the next: a handler that runs twice tells once.
    `stops_ladder` is false for those who are told beside the ladder.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    version = models.PositiveIntegerField(default=1, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    sequence = models.BigIntegerField(_("sequence"))
    kind = models.CharField(_("kind"), max_length=40)
    urgency = models.CharField(_("urgency"), max_length=10, choices=Urgency.choices)
    resource = models.CharField(_("resource"), max_length=40)
    record_id = models.UUIDField(_("record"))
    occasion = models.CharField(_("occasion"), max_length=60, blank=True)
    trial_id = models.UUIDField(_("trial"), null=True)
    site_id = models.UUIDField(_("site"), null=True)
    patient_id = models.UUIDField(_("patient"), null=True)
    subject_number = models.CharField(_("subject number"), max_length=40, blank=True)
    number = models.CharField(_("number"), max_length=40, blank=True)
    due_at = models.DateTimeField(_("due"), null=True)
    escalation = models.ForeignKey(
        Escalation, models.PROTECT, null=True, related_name="+", verbose_name=_("escalation")
    )
    stops_ladder = models.BooleanField(_("acknowledging it stops the ladder"), default=True)
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("in place of"),
    )
    delivered_at = models.DateTimeField(_("reached a screen"), null=True)
    seen_at = models.DateTimeField(_("seen"), null=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        triggers: ClassVar[list[Any]] = [_COUNT, *_LIVE]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["person", "sequence"], name="a_sequence_is_given_once_to_a_person"
            ),
            UniqueConstraint(
                fields=["person", "kind", "resource", "record_id", "occasion"],
                name="a_person_is_told_once_of_an_occasion",
            ),
            CheckConstraint(condition=Q(sequence__gt=0), name="sequences_count_from_one"),
            one_of("kind", KIND_VALUES, name="notice_kind_is_declared"),
            one_of("urgency", Urgency.values, name="notice_urgency_is_known"),
            both_or_neither(
                "acknowledged_at", "acknowledged_by", name="a_notice_is_acknowledged_by_somebody"
            ),
            CheckConstraint(
                condition=Q(comment="") | Q(acknowledged_at__isnull=False),
                name="a_comment_comes_with_acknowledging",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["person", "-created_at", "-id"], name="notice_newest"),
            Index(F("person"), F("acknowledged_at").desc(), F("id").desc(), name="notice_inbox"),
            Index(fields=["resource", "record_id"], name="notice_of_record"),
            Index(fields=["trial_id", "-created_at", "-id"], name="notice_by_trial"),
            Index(fields=["site_id", "-created_at", "-id"], name="notice_by_site"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sequence}"
