"""Rows that are written once: they are their own history, and sealed like it (ADR 0003, 0008).

The database numbers and dates each of them from the sequence of all history, whatever the caller
sent, so that one seal covers changes, acts and these rows alike.
"""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from portal.core.history import TransactionIdField
from portal.core.models import TimestampedModel
from portal.core.triggers import GuardedTrigger, GuardedTriggerSql


class StampSql(GuardedTriggerSql):
    """Runs for every row of a bulk load, so without a search path of its own, which costs 40 us.

    It needs none: every name in it is written with its schema.
    """

    def get_template(self) -> str:
        """Return the template that pgtrigger fills."""
        return (
            super()
            .get_template()
            .replace("SET search_path = public, identity, audit, allocation, pg_temp", "")
        )


class Stamp(GuardedTrigger):
    """Numbers and dates a row with the owner's rights: nobody else may use the sequence."""

    template = StampSql


def stamped_in_bulk() -> Stamp:
    """The trigger that numbers and dates a row.

    The transaction takes its id before the row takes its number: sealing rests on this order.
    """
    return Stamp(
        name="stamped_by_the_database",
        level=pgtrigger.Row,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=(
            "NEW.transaction_id := pg_catalog.pg_current_xact_id(); "
            "NEW.pgh_id := pg_catalog.nextval('audit.history_id'::pg_catalog.regclass); "
            "NEW.pgh_created_at := pg_catalog.clock_timestamp(); RETURN NEW;"
        ),
    )


def stays_as_written() -> GuardedTrigger:
    """The trigger that refuses every change of a row, to the owner too."""
    return GuardedTrigger(
        name="stays_as_written",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
        func="RAISE EXCEPTION 'these rows are written once' "
        "USING ERRCODE = 'insufficient_privilege';",
    )


class AppendOnlyModel(TimestampedModel):
    """A row that is written once. A concrete model's Meta takes `triggers` from here."""

    sequence = models.BigIntegerField(db_column="pgh_id", db_default=0, unique=True, editable=False)
    recorded_at = models.DateTimeField(db_column="pgh_created_at", db_default=Now(), editable=False)
    transaction_id = TransactionIdField(null=True, editable=False)

    class Meta:
        abstract = True
        triggers: ClassVar[list[Any]] = [stamped_in_bulk(), stays_as_written()]
