"""`manage.py check --deploy`: that safety reports find a connection when all others are used."""

from collections.abc import Iterator

import psycopg
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from portal.ops.checks import deploy_check
from portal.ops.health import own_connection_parameters

# Of one portal: intake's safety lane, readiness, and the programs that bring notices to people
# (relay 2, worker 4, live relay 2, watcher 3).
KEPT_BESIDE_THE_POOL = 13
# Intake's ordinary lane, report streams and the runner of reports, commands of an operator.
ORDINARY_BESIDE_THE_POOL = 8
_ASKED = """
SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int,
    coalesce(current_setting('reserved_connections', true), '0')::int,
    session_user <> current_user AND EXISTS (
        SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'
        AND pg_has_role(session_user, oid, 'usage')),
    current_setting('server_version_num')::int,
    current_setting('synchronous_commit')
"""


@deploy_check
def safety_reports_find_a_connection() -> Iterator[CheckMessage]:
    """Ordinary traffic that has used every connection must not shut out a serious event."""
    if not settings.DATABASE_SAFETY_URL:
        yield Error(
            "DATABASE_SAFETY_URL is not set: no connection is kept for safety reports.",
            hint="Name portal_safety of deploy/roles.sql.",
            id="portal.E011",
        )
        return
    try:
        with psycopg.connect(**own_connection_parameters(kept_back=True)) as own:
            row = own.execute(_ASKED).fetchone()
    except psycopg.Error as error:
        yield Error(
            f"DATABASE_SAFETY_URL could not be used ({type(error).__name__}).",
            hint="portal_safety of deploy/roles.sql may connect, and act as DATABASE_URL's role.",
            id="portal.E011",
        )
        return
    assert row is not None
    yield from judge(*row)


def judge(
    connections: int, reserved: int, may_use: bool, version: int, commits: str
) -> Iterator[CheckMessage]:
    """Yield what is wrong with a server's connections for one portal with these pools."""
    if commits in ("off", "local"):
        yield Error(
            f"PostgreSQL's synchronous_commit is {commits} for the role in DATABASE_SAFETY_URL.",
            hint="Set synchronous_commit = on for it.",
            id="portal.E001",
        )
    if version < 160_000:
        yield checks.Warning(
            "This PostgreSQL cannot keep connections for a role: others may use them all.",
            hint="Use version 16 or newer, or see to it that nothing else uses this server.",
            id="portal.W011",
        )
    elif reserved < (least := settings.DB_SAFETY_POOL + KEPT_BESIDE_THE_POOL) or not may_use:
        yield Error(
            f"The server keeps {reserved if may_use else 0} connections for safety reports, "
            f"and this portal may need {least}.",
            hint=f"Set reserved_connections = {least} for each portal on this server, and grant "
            "pg_use_reserved_connections to the role in DATABASE_SAFETY_URL (deploy/roles.sql).",
            id="portal.E011",
        )
    if connections - reserved < (least := settings.DB_POOL + ORDINARY_BESIDE_THE_POOL):
        yield Error(
            f"The server has {connections - reserved} ordinary connections, and this portal may "
            f"need {least}.",
            hint="Raise max_connections, or lower PORTAL_DB_POOL.",
            id="portal.E012",
        )
