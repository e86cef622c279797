import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.embedded.errors import StartError
from portal.embedded.postgres import SHARED_FOLDER, Postgres
from portal.embedded.processes import Identity, alive
from tests.embedded.conftest import clean_environment


def make(folder: Path, *, durable: bool = True, identity: Identity | None = None) -> Postgres:
    sockets = folder / "run"
    sockets.mkdir(mode=0o700, exist_ok=True)
    return Postgres(
        folder / "data", sockets, log=folder / "log", durable=durable, identity=identity
    )


def connect(server: Postgres, role: str, database: str = "portal") -> psycopg.Connection[Any]:
    return psycopg.connect(server.url(role, database), autocommit=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = make(tmp_path_factory.mktemp("pg"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Postgres]:
    server = make(tmp_path)
    server.start()
    yield server
    server.stop()


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "setting", ["data_checksums", "fsync", "synchronous_commit", "full_page_writes"]
)
def test_server_of_a_portal_is_durable(server: Postgres, setting: str) -> None:
    with connect(server, "portal_app") as connection:
        assert one(connection, f"SHOW {setting}") == "on"


def test_server_listens_on_a_socket_that_only_its_user_reaches(server: Postgres) -> None:
    with connect(server, "portal_app") as connection:
        assert one(connection, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700


def test_application_owns_nothing_and_inherits_nothing(server: Postgres) -> None:
    with connect(server, "postgres") as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit"
            " FROM pg_roles WHERE rolname = 'portal_app'"
        ).fetchone()
        assert row == (False, False, False, False, False)
        assert not one(connection, "SELECT pg_has_role('portal_app', 'portal_unblinded', 'usage')")
        assert one(connection, "SELECT pg_has_role('portal_app', 'portal_unblinded', 'set')")
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'"
        assert one(connection, owner) == "portal_owner"


def test_application_takes_the_unblinded_role_for_one_transaction_only(server: Postgres) -> None:
    with connect(server, "portal_app") as connection:
        with connection.transaction():
            connection.execute("SET LOCAL ROLE portal_unblinded")
            assert one(connection, "SELECT current_user") == "portal_unblinded"
        assert one(connection, "SELECT current_user") == "portal_app"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMPORARY TABLE hiding (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "SET ROLE portal_owner",
        "SET SESSION AUTHORIZATION portal_owner",
        "ALTER ROLE portal_app SUPERUSER",
        "CREATE DATABASE mine",
    ],
)
def test_application_may_not(server: Postgres, statement: str) -> None:
    with (
        connect(server, "portal_app") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_unblinded_role_cannot_sign_in(server: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        connect(server, "portal_unblinded")


def test_another_role_cannot_enter_the_database(server: Postgres) -> None:
    with connect(server, "postgres") as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="CONNECT privilege"):
        connect(server, "stranger")


def test_roles_may_be_made_again(server: Postgres) -> None:
    (server.data / "portal-roles.sha256").unlink()
    server.start()
    assert (server.data / "portal-roles.sha256").exists()


def test_acknowledged_rows_survive_a_killed_server(own_server: Postgres) -> None:
    with connect(own_server, "portal_owner") as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
        assert own_server.process is not None
        own_server.process.kill()
    assert own_server.process.wait(5) == -signal.SIGKILL
    assert not own_server.running()
    own_server.start()
    with connect(own_server, "portal_owner") as connection:
        assert one(connection, "SELECT count(*) FROM kept") == 1000


def test_running_server_is_adopted_and_stopped_too(own_server: Postgres, tmp_path: Path) -> None:
    second = make(tmp_path)
    second.start()
    assert own_server.process is not None
    pid = own_server.process.pid
    assert second.adopted_pid == pid
    second.stop()
    assert not alive(pid)


def test_process_id_of_a_stranger_is_not_trusted(own_server: Postgres) -> None:
    own_server.stop()
    (own_server.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    own_server.start()
    assert own_server.process is not None


def test_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    server = make(tmp_path, durable=False)
    draft = tmp_path / "data.new"
    draft.mkdir()
    (draft / "rubbish").write_text("left by a killed initdb")
    server.start()
    server.stop()
    assert not draft.exists()


def test_broken_server_gives_its_reason_in_one_line(own_server: Postgres) -> None:
    own_server.stop()
    (own_server.data / "postgresql.conf").write_text("shared_buffers = nonsense\n")
    with pytest.raises(StartError, match="does not start") as caught:
        own_server.start()
    assert "\n" not in str(caught.value)


def test_root_without_namespaces_runs_it_as_nobody(as_root: None, tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    identity = Identity("user", nobody.pw_uid, nobody.pw_gid)
    tmp_path.chmod(0o700)
    server = make(tmp_path, durable=False, identity=identity)
    try:
        server.start()
        assert server.process is not None
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == nobody.pw_uid
        assert server.data.is_relative_to(SHARED_FOLDER)
        with connect(server, "portal_app") as connection:
            assert one(connection, "SELECT current_user") == "portal_app"
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", str(server.data.parent)], check=True)


def test_user_without_passwd_entry_is_told_what_to_do(as_root: None) -> None:
    code = (
        "import os; from pathlib import Path;"
        "from portal.embedded.postgres import choose_identity;"
        "os.setuid(54321); choose_identity(Path('/'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StartError: user id 54321 has no passwd entry" in done.stderr
    assert "DATABASE_URL" in done.stderr
