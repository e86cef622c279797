"""Acts that change no row, and the seals over everything that was written down.

Every table here is written once and never changed. Ids come from the sequence of all history, so
that acts and changes have one order, and one seal covers both (ADR 0003, 21 CFR 11.10(e)).
"""

from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.core.history import TransactionIdField
from portal.core.models import in_schema
from portal.core.triggers import GuardedTrigger


def never_changes() -> GuardedTrigger:
    """The trigger that refuses every change of a row that is its own history, to the owner too."""
    return GuardedTrigger(
        name="never_changes",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
        func="RAISE EXCEPTION 'the audit trail never changes' "
        "USING ERRCODE = 'insufficient_privilege';",
    )


def stamped() -> GuardedTrigger:
    """The trigger that numbers and dates a row, whatever the caller sent.

    The transaction takes its id before the row takes its number: sealing rests on this order.
    """
    return GuardedTrigger(
        name="stamped_by_the_database",
        level=pgtrigger.Row,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func="NEW.transaction_id := pg_current_xact_id(); "
        "NEW.pgh_id := nextval('audit.history_id'); "
        "NEW.pgh_created_at := clock_timestamp(); RETURN NEW;",
    )


@in_schema("audit")
class AuditEntry(models.Model):
    """Somebody did something that changed no row: viewed, exported, signed in, was refused.

    Trial, site and patient are plain ids: audit lies below their tables. `detail` holds codes,
    ids and counts; never names of people, clinical values or anything that would unblind.
    """

    id = models.BigIntegerField(primary_key=True, db_column="pgh_id", db_default=0, editable=False)
    at = models.DateTimeField(
        _("at"), db_column="pgh_created_at", db_default=models.functions.Now(), editable=False
    )
    transaction_id = TransactionIdField(null=True, editable=False)
    action = models.CharField(_("action"), max_length=60)
    acted_by = models.UUIDField(_("who"), null=True)
    acted_role = models.TextField(_("role"), default="")
    acted_organization = models.TextField(_("organization"), default="")
    acted_source = models.TextField(_("source"), default="")
    acted_request_id = models.TextField(_("request"), default="")
    resource = models.CharField(_("resource"), max_length=60, default="")
    record_id = models.UUIDField(_("record"), null=True)
    trial_id = models.UUIDField(_("trial"), null=True)
    site_id = models.UUIDField(_("site"), null=True)
    patient_id = models.UUIDField(_("patient"), null=True)
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(condition=~Q(action=""), name="an_audit_entry_names_its_action")
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["resource", "record_id", "id"], name="auditentry_of_record"),
            Index(fields=["patient_id", "id"], name="auditentry_of_patient"),
            Index(fields=["site_id", "id"], name="auditentry_of_site"),
            Index(fields=["trial_id", "id"], name="auditentry_of_trial"),
            Index(fields=["acted_by", "id"], name="auditentry_of_person"),
            Index(fields=["action", "id"], name="auditentry_of_action"),
        ]
        triggers: ClassVar[list[Any]] = [stamped(), never_changes()]

    def __str__(self) -> str:
        return f"{self.action} {self.resource}".strip()


@in_schema("audit")
class Seal(models.Model):
    """One link of the chain: the digest of all rows with ids in (after_id, upto_id].

    Written by `audit.seal_next()` only. `sampled_id` is the highest id that had been given out
    just before the seal's transaction took the id `sampled_xid`: once every older transaction has
    ended, no row up to `sampled_id` can appear any more.
    """

    number = models.BigIntegerField(_("number"), primary_key=True)
    previous_hash = models.BinaryField(max_length=32)
    after_id = models.BigIntegerField(_("after row"))
    upto_id = models.BigIntegerField(_("up to row"))
    sampled_id = models.BigIntegerField(_("highest row seen"))
    sampled_xid = models.BigIntegerField(_("transaction"))
    row_count = models.BigIntegerField(_("rows"))
    total_count = models.BigIntegerField(_("rows in all"))
    parts_digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(_("sealed"))
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["previous_hash"], name="a_seal_has_one_successor")
        ]
        triggers: ClassVar[list[Any]] = [never_changes()]

    def __str__(self) -> str:
        return f"{self.number}"


@in_schema("audit")
class SealLayout(models.Model):
    """The columns of a table that a digest covers, so that a column added later breaks no seal."""

    digest = models.BinaryField(max_length=32, primary_key=True)
    table_name = models.TextField(_("table"))
    columns: "ArrayField[list[str], list[str]]" = ArrayField(
        models.TextField(), verbose_name=_("columns")
    )

    class Meta:
        verbose_name = _("columns of a sealed table")
        verbose_name_plural = _("columns of sealed tables")
        triggers: ClassVar[list[Any]] = [never_changes()]

    def __str__(self) -> str:
        return self.table_name


@in_schema("audit")
class SealPart(models.Model):
    """The digest of one table's rows with ids in (after_id, upto_id]: a thousand rows at most.

    `marks` holds 16 bytes a row, its id and the first 8 bytes of its digest, by which a
    row that was changed, removed or slipped in is named.
    """

    id = models.BigAutoField(primary_key=True)
    seal = models.ForeignKey(Seal, models.PROTECT, related_name="parts", verbose_name=_("seal"))
    table_name = models.TextField(_("table"))
    layout = models.BinaryField(max_length=32)
    after_id = models.BigIntegerField(_("after row"))
    upto_id = models.BigIntegerField(_("up to row"))
    row_count = models.IntegerField(_("rows"))
    digest = models.BinaryField(max_length=32)
    marks = models.BinaryField()

    class Meta:
        verbose_name = _("part of a seal")
        verbose_name_plural = _("parts of seals")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["table_name", "after_id"], name="a_row_is_sealed_once")
        ]
        triggers: ClassVar[list[Any]] = [never_changes()]

    def __str__(self) -> str:
        return f"{self.table_name} ({self.after_id}, {self.upto_id}]"
