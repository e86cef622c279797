"""One migrated template; a clone for each process of the run, and a fresh one when a test commits.

Tests connect as the application's role, as the portal does. Django would clean up after a
transactional test with TRUNCATE, which guarded history refuses even to its owner; so such a test
gets a new clone instead.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pytest_django import DjangoDbBlocker

TEMPLATE = "portal_template"
ROOT = Path(__file__).resolve().parent.parent.parent


@cache
def _superuser() -> psycopg.Connection[Any]:
    from tests.plugins.servers import SERVERS

    return psycopg.connect(SERVERS.postgres.url("postgres", "postgres"), autocommit=True)


def _execute(statement: str, database: str) -> None:
    _superuser().execute(sql.SQL(statement).format(sql.Identifier(database)))


def migrate_template() -> None:
    """Make the template all databases of the run are copied from."""
    from tests.plugins.servers import SERVERS

    _execute("CREATE DATABASE {} OWNER portal_owner", TEMPLATE)
    owner = SERVERS.postgres.url("portal_owner", TEMPLATE)
    application = SERVERS.postgres.url("portal_app", TEMPLATE)
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"],
        env=os.environ
        | {"PORTAL_DB_ROLE": "owner", "DATABASE_OWNER_URL": owner, "DATABASE_URL": application},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.exit(f"the migrations fail:\n{done.stdout}{done.stderr}", returncode=3)
    _execute("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false", TEMPLATE)
    _superuser().close()
    _superuser.cache_clear()


def _strategy() -> str:
    from tests.plugins.servers import MEMORY, SERVERS

    # Files are copied three times as fast as logged where they lie in memory, slower on a disk.
    return "FILE_COPY" if MEMORY in SERVERS.postgres.data.parents else "WAL_LOG"


def fresh_database(name: str) -> None:
    """Replace a database by a copy of the template, whoever is connected to it."""
    _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _execute(
        f"CREATE DATABASE {{}} OWNER portal_owner TEMPLATE {TEMPLATE} STRATEGY {_strategy()}", name
    )
    _execute("REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
    _execute("GRANT CONNECT ON DATABASE {} TO portal_app, portal_safety", name)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give this process its database; the settings point to it since the plugin was loaded."""
    from django.db import connections
    from django.test import TransactionTestCase

    from tests.plugins.servers import SERVERS

    def renew(_self: TransactionTestCase) -> None:
        connections.close_all()
        fresh_database(SERVERS.database)

    fresh_database(SERVERS.database)
    TransactionTestCase._fixture_teardown = renew  # type: ignore[attr-defined]
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    _superuser().close()
