"""Triggers that nobody but the owner of the database can switch off.

pgtrigger's own template lets a session skip any trigger (`SET LOCAL pgtrigger.ignore`) and runs
with the caller's rights. Ours run with the owner's rights, on a fixed search path, in every
replication role, and know no way to be ignored.
"""

from typing import Any

import pgtrigger
from django.db import models
from pgtrigger import compiler


class GuardedTriggerSql(compiler.UpsertTriggerSql):
    """The SQL of one such trigger. Migrations refer to it: change it only by a new subclass."""

    def get_template(self) -> str:
        """Return the template that pgtrigger fills."""
        return """
            CREATE OR REPLACE FUNCTION {pgid}()
            RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = public, identity, audit, allocation, pg_temp;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE PROCEDURE {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class GuardedRowTriggerSql(GuardedTriggerSql):
    """For triggers that run once a row: no change of rights or search path, which would cost 40 us.

    Their functions name tables with the schema and read only what the application may read.
    """

    def get_template(self) -> str:
        """Return the template that pgtrigger fills."""
        return (
            super()
            .get_template()
            .replace(
                "SECURITY DEFINER\n            "
                "SET search_path = public, identity, audit, allocation, pg_temp",
                "",
            )
        )


class GuardedMixin:
    """Compile a pgtrigger trigger with the guarded template."""

    template: type[GuardedTriggerSql] = GuardedTriggerSql

    def compile(self, model: type[models.Model]) -> compiler.Trigger:
        """Return the compiled trigger."""
        compiled: compiler.Trigger = super().compile(model)  # type: ignore[misc]
        kwargs: dict[str, Any] = dict(compiled.sql.kwargs)
        kwargs.pop("ignore_func_name", None)
        return compiler.Trigger(name=compiled.name, sql=self.template(**kwargs))


class GuardedTrigger(GuardedMixin, pgtrigger.Trigger):  # type: ignore[misc]
    """A free-form guarded trigger, run with the owner's rights."""


class GuardedRowTrigger(GuardedTrigger):
    """A free-form guarded trigger for every row, run with the caller's rights."""

    template = GuardedRowTriggerSql


def count_versions() -> GuardedRowTrigger:
    """The trigger that counts a row's versions, whatever path writes it, and fixes its key."""
    return GuardedRowTrigger(
        name="count_versions",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func=(
            "IF NEW.id <> OLD.id THEN RAISE EXCEPTION 'a primary key never changes' "
            "USING ERRCODE = 'check_violation'; END IF; "
            "NEW.version := OLD.version + 1; RETURN NEW;"
        ),
    )
