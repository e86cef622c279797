import os
import tempfile
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import ProgrammingError, connection

from portal.core.clock import now
from tests.plugins import servers
from tests.plugins.databases import TEMPLATE, fresh_database
from tests.plugins.servers import SERVERS


def one(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_tests_connect_as_the_application_to_a_database_of_their_own(db: None) -> None:
    assert one("SELECT current_user") == "portal_app"
    assert one("SELECT current_database()") == SERVERS.database


def test_what_one_test_commits_the_next_does_not_see(transactional_db: None) -> None:
    Session.objects.create(session_key="kept", session_data="-", expire_date=now() + timedelta(1))
    connection.close()
    fresh_database(SERVERS.database)
    assert not Session.objects.filter(session_key="kept").exists()


def test_application_may_not_truncate_which_is_why_databases_are_copied(db: None) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        one("TRUNCATE django_session")


def test_nobody_can_change_the_template(db: None) -> None:
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(SERVERS.postgres.url("portal_owner", TEMPLATE))


def test_settings_point_to_servers_of_this_run_only() -> None:
    folder = str(SERVERS.folder)
    assert settings.MODE == "test"
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PORTAL_DATA"):
        assert folder in os.environ[name].replace("%2F", "/"), name


def test_run_lies_in_memory_where_there_is_plenty_unless_told_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(servers, "MEMORY", tmp_path)
    monkeypatch.setattr(servers, "MEMORY_BYTES", 1)
    assert servers.place() == tmp_path
    monkeypatch.setattr(servers, "MEMORY_BYTES", 2**60)
    assert servers.place() == Path(tempfile.gettempdir()) != tmp_path
    monkeypatch.setattr(servers, "MEMORY", tmp_path / "none")
    monkeypatch.setattr(servers, "MEMORY_BYTES", 1)
    assert servers.place() == Path(tempfile.gettempdir())
    monkeypatch.setattr(servers, "MEMORY", tmp_path)
    told = tmp_path / "told"
    told.mkdir()
    monkeypatch.setenv("TMPDIR", str(told))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert servers.place() == told
