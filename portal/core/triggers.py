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


class GuardedLookupSql(GuardedTriggerSql):
    """For triggers that look up what a few rows name: by index, however small a table is today.

    Their plans are kept for as long as a connection lives, and tables grow.
    """

    def get_template(self) -> str:
        """Return the template that pgtrigger fills."""
        path = "SET search_path = public, identity, audit, allocation, pg_temp"
        ways = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
        return super().get_template().replace(path, f"{path} {ways}")


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


class GuardedLookup(GuardedTrigger):
    """A free-form guarded trigger that looks rows up, run with the owner's rights."""

    template = GuardedLookupSql


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


def never_deleted() -> GuardedTrigger:
    """The trigger that keeps rows which others name without a foreign key's constraint."""
    return GuardedTrigger(
        name="never_deleted",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Delete | pgtrigger.Truncate,
        func=(
            "RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME "
            "USING ERRCODE = 'restrict_violation';"
        ),
    )


def announce_rights() -> list[GuardedTrigger]:
    """The triggers that note whose rights changed in an index of rights, by whatever path.

    The note commits with the change. Whoever keeps a verdict for longer than a request (a socket)
    compares what it has seen of `accounts_rightschange` and asks again about those people.
    """
    return [
        GuardedTrigger(
            name=f"rights_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(**{side: "changed_rows"}),
            func=(
                "INSERT INTO public.accounts_rightschange (noted_at, people) "
                "SELECT clock_timestamp(), array_agg(DISTINCT r.user_id) FROM changed_rows r "
                "HAVING count(*) > 0; RETURN NULL;"
            ),
        )
        for name, operation, side in (
            ("inserted", pgtrigger.Insert, "new"),
            ("updated", pgtrigger.Update, "new"),
            ("deleted", pgtrigger.Delete, "old"),
        )
    ]


def announce_person(person: str, operation: Any) -> GuardedTrigger:
    """The trigger that notes that an account or a session changed; `person` is the column of whose.

    See `announce_rights`.
    """
    # The column is the code's own; nothing here is anybody's input.
    note = (
        "INSERT INTO public.accounts_rightschange (noted_at, people) "  # noqa: S608
        f"VALUES (clock_timestamp(), ARRAY[NEW.{person}]); RETURN NULL;"
    )
    return GuardedTrigger(
        name="rights_changed",
        level=pgtrigger.Row,
        when=pgtrigger.After,
        operation=operation,
        func=note,
    )


def gate_keeper(
    name: str,
    operation: Any,
    people: str,
    *,
    sides: Any = None,
    condition: Any = None,
    first: str = "",
    kind: type[GuardedTrigger] = GuardedLookup,
) -> GuardedTrigger:
    """The trigger of a table behind the gates of uploads (patients.models.gate, ADR 0011).

    `people` is a query of the patients concerned: of all rows of a statement, whose `sides` it
    names, or of one row. `first` is done before. Tables below patients name the function too:
    PostgreSQL looks for it when it runs.
    """
    return kind(
        name=f"gate_{name}",
        level=pgtrigger.Statement if sides else pgtrigger.Row,
        when=pgtrigger.After,
        operation=operation,
        referencing=sides,
        condition=condition,
        func=f"{first}PERFORM public.keep_upload_gates(ARRAY({people})); RETURN NULL;",
    )


def share(table: str, ids: str) -> str:
    """Return the statement that has whoever changes these rows wait for us, and us for them."""
    return (
        f"PERFORM FROM public.{table} t WHERE t.id = ANY (ARRAY({ids})) ORDER BY t.id FOR SHARE; "
    )


def announce_rows(resource: str, *, on_update: bool = True) -> list[GuardedTrigger]:
    """The triggers that tell the live side which rows of a clinical table came or changed.

    One row of ids and one notification for each statement and site, committed with it. What an
    import or a command writes is not live, unless it sets `portal.live` to `on`.
    """
    # The names are the code's own; nothing here is anybody's input.
    func = f"""
        IF coalesce(current_setting('portal.live', true), '') <> 'on'
            AND current_setting('portal.source', true) IN ('import', 'command', 'migration') THEN
            RETURN NULL;
        END IF;
        INSERT INTO public.live_pendingupdate (resource, trial_id, site_id, records, created_at)
        SELECT '{resource}', r.trial_id, r.site_id, array_agg(r.id), clock_timestamp()
        FROM new_values r GROUP BY r.trial_id, r.site_id;
        PERFORM pg_notify('live', '');
        RETURN NULL;
    """  # noqa: S608
    return [
        GuardedTrigger(
            name=f"live_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(new="new_values"),
            func=func,
        )
        for name, operation in (("insert", pgtrigger.Insert), ("update", pgtrigger.Update))
        if on_update or operation is pgtrigger.Insert
    ]
