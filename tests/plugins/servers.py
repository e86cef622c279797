"""pytest plugin: a PostgreSQL and a Valkey of the run's own, and the settings that point to them.

It is loaded with `-p tests.plugins.servers`, before pytest-django reads the settings: in a
conftest.py it would be too late. The addresses are known at import; the servers start when pytest
is configured. Each of xdist's workers has a pair of its own: a server's transaction numbers,
roles and channels are shared by all its databases, so what one worker holds open would keep
another's audit from being sealed.
"""

import atexit
import base64
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from portal.embedded.postgres import Postgres
from portal.embedded.processes import alive
from portal.embedded.valkey import Valkey
from tests.plugins import template_cache

PREFIX = "portal-test-"
# Every cluster and every clone of a database is two thousand small files that nobody keeps.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 * 2**30
FOLDER_VARIABLE = "PORTAL_TEST_FOLDER"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def place() -> Path:
    """Return where the run's folder is made: in memory where there is plenty, unless told where."""
    try:
        room = shutil.disk_usage(MEMORY).free if os.access(MEMORY, os.W_OK) else 0
    except OSError:
        room = 0
    chosen = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return MEMORY if room >= MEMORY_BYTES and not chosen else Path(tempfile.gettempdir())


def _remove_leftovers() -> None:
    """Remove the folders of runs that were killed; a run holds a lock on its own."""
    places = {place(), Path(tempfile.gettempdir())}
    for folder in (each for where in places for each in where.glob(PREFIX + "*")):
        try:
            with open(folder / "lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                servers = folder.glob("*/postgres/postmaster.pid")
                if any(alive(int(file.read_text().split()[0])) for file in servers):
                    continue
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, ValueError):
            continue


class TestServers:
    """The servers of one process of the run; xdist's controller has none."""

    __test__ = False

    def __init__(self) -> None:
        inherited = os.environ.get(FOLDER_VARIABLE) if WORKER else None
        if inherited:
            self.run_folder = Path(inherited)
        else:
            _remove_leftovers()
            self.run_folder = Path(tempfile.mkdtemp(dir=place(), prefix=PREFIX))
            os.environ[FOLDER_VARIABLE] = str(self.run_folder)
            self._lock = open(self.run_folder / "lock", "a")  # noqa: SIM115 - held until the end
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.folder = self.run_folder / (WORKER or "main")
        self.folder.mkdir(exist_ok=True)
        atexit.register(self.stop)
        sockets = self.folder / "run"
        sockets.mkdir(mode=0o700, exist_ok=True)
        # WhiteNoise warns of a missing folder, and warnings are errors.
        (self.folder / "data" / "static").mkdir(parents=True, exist_ok=True)
        self.postgres = Postgres(
            self.folder / "postgres", sockets, log=self.folder / "postgres.log", durable=False
        )
        self.valkey = Valkey(self.folder, sockets, log=self.folder / "valkey.log")
        self.database = "portal_tests"
        self.cacheable = self.postgres.data.parent == self.folder
        self._running = False

    def start(self) -> None:
        """Start both servers, with the migrated template of an earlier run when there is one.

        Whoever comes first makes it; the other workers wait and copy.
        """
        from tests.plugins import databases

        self._running = True
        self.valkey.start()
        with open(self.run_folder / "template.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key = template_cache.key()
            restored = self.cacheable and template_cache.restore(self.postgres.data)
            if not restored:
                self.postgres.start()
                databases.migrate_template()
                if self.cacheable:
                    self.postgres.stop(seconds=10)
                    template_cache.keep(self.postgres.data, key)
        if self.cacheable:
            self.postgres.start()

    def stop(self) -> None:
        """Stop both servers and leave nothing behind."""
        if self._running:
            self.valkey.stop()
            self.postgres.stop(seconds=2)
            if not self.cacheable:
                shutil.rmtree(self.postgres.data.parent, ignore_errors=True)
        shutil.rmtree(self.folder if WORKER else self.run_folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """Return the settings of this process."""
        return {
            "PORTAL_MODE": "test",
            "PORTAL_DATA": str(self.folder / "data"),
            "DATABASE_URL": self.postgres.url("portal_app", self.database),
            "DATABASE_OWNER_URL": self.postgres.url("portal_owner", self.database),
            "DATABASE_SAFETY_URL": self.postgres.url("portal_safety", self.database),
            "REDIS_URL": self.valkey.url(0),
            "SECRET_KEY": "tests-only-secret-key-" + "s" * 43,
            "JWT_SIGNING_KEY": "tests-only-signing-key-" + "j" * 42,
            "IDENTITY_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
            "PORTAL_VAPID_KEY": base64.urlsafe_b64encode(bytes(range(1, 33))).decode().rstrip("="),
            "IDENTITY_INDEX_KEY": base64.b64encode(bytes(range(100, 132))).decode(),
        }


SERVERS = TestServers()
os.environ.update(SERVERS.environment())
for _variable in ("PORTAL_DB_ROLE", "PORTAL_PROCESS"):
    os.environ.pop(_variable, None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the servers unless nothing will run."""
    from tests.plugins import databases, reports

    # Registered this late, our django_db_setup comes after pytest-django's and replaces it.
    config.pluginmanager.register(databases, "portal-databases")
    config.pluginmanager.register(reports, "portal-reports")
    # xdist's controller runs no test: its workers have their own.
    controls = not WORKER and getattr(config.option, "dist", "no") != "no"
    if not (controls or config.option.collectonly or config.option.help):
        SERVERS.start()
