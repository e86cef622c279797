"""Where tables live and what the application may do with them; run by `migrate`, as the owner.

The declarations stand beside the models (`in_schema`, `tracked`); this brings the database in line
with them, any number of times (ADR 0004).
"""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Model
from psycopg import sql

from portal.core.history import TRACKED
from portal.core.models import SCHEMA_OF

# Rows that are an index or a session rather than a record may be deleted by the application.
DELETABLE = (
    "sessions.Session",
    "accounts.SignInCounter",
    "accounts.SignInRefusal",
    "api.StoredAnswer",
    "accounts.RightsChange",
    "live.UsedTicket",
    "live.LiveConnection",
    "live.PendingUpdate",
    "access.PortalUserPermission",
    "trials.TrialUserPermission",
    "trials.SiteUserPermission",
    "patients.PatientUserPermission",
    "outbox.OutboxDelivery",
    "documents.ReportLease",
)

# Rows that are their own history: written once, never changed.
APPEND_ONLY = (
    "patients.SourceRecord",
    "patients.ProtectedSourceRecord",
    "patients.VitalSample",
    "audit.AuditEntry",
    "notices.NoticeSending",
)

# Rows that only functions of the database write.
READ_ONLY = ("audit.Seal", "audit.SealPart", "audit.SealLayout", "patients.UploadGate")


def placements() -> Iterator[tuple[str, str]]:
    """Yield (table, schema) for every table that does not live in the public schema."""
    for label, schema in SCHEMA_OF.items():
        yield apps.get_model(label)._meta.db_table, schema
    for model, history in TRACKED.items():
        yield history._meta.db_table, history_schema(model)


def history_schema(model: type[Model]) -> str:
    """Protected facts keep their history in their own schema; all other history is in audit."""
    return "allocation" if SCHEMA_OF.get(model._meta.label) == "allocation" else "audit"


def settle() -> None:
    """Move tables to their schemas and grant exactly what each role needs."""
    with connection.cursor() as cursor:
        for table, schema in placements():
            cursor.execute(
                "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relname = %s AND c.relkind IN ('r', 'p')",
                [table],
            )
            found = cursor.fetchone()
            if found and found[0] != schema:
                cursor.execute(
                    sql.SQL("ALTER TABLE {}.{} SET SCHEMA {}").format(
                        *map(sql.Identifier, (found[0], table, schema))
                    )
                )
        for statement in _grants():
            cursor.execute(statement)


def _grants() -> Iterator[sql.Composed]:
    roles = [sql.Identifier(settings.APPLICATION_ROLE), sql.Identifier(settings.UNBLINDED_ROLE)]
    app, unblinded = roles
    if settings.DATABASES["default"]["USER"] == settings.APPLICATION_ROLE:
        return  # one role only: `check --deploy` says what is lost by that
    history = [history._meta.db_table for history in TRACKED.values()]
    for role in roles:
        for schema in ("public", "identity", "audit"):
            home = sql.Identifier(schema)
            yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(home, role)
            yield sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {} TO {}").format(
                home, role
            )
            yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(home, role)
        for label in DELETABLE:
            table = sql.Identifier(apps.get_model(label)._meta.db_table)
            yield sql.SQL("GRANT DELETE ON {} TO {}").format(table, role)
    protected = sql.Identifier("allocation")
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(protected, unblinded)
    yield sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {} TO {}").format(
        protected, unblinded
    )
    for role in roles:
        for name in history:
            yield sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(
                sql.Identifier(name), role
            )
        for label in APPEND_ONLY:
            yield sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(
                sql.Identifier(apps.get_model(label)._meta.db_table), role
            )
        for label in READ_ONLY:
            yield sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(
                sql.Identifier(apps.get_model(label)._meta.db_table), role
            )
        yield sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {}").format(role)
        yield sql.SQL("REVOKE ALL ON SEQUENCE audit.history_id FROM {}").format(role)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(protected, app)
