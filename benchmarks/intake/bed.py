"""Where the measuring is done: one PostgreSQL (fsync on) and one Valkey for all, one after another.

Every server under test starts from an empty table: the portal from a copy of a template database
with the patients in it, the peers with a new table.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import jwt
import psycopg
from psycopg import sql

from portal.embedded import postgres as embedded
from portal.embedded.home import Home
from portal.embedded.postgres import Postgres
from portal.embedded.processes import Identity, child_setup, kill_group
from portal.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PATIENTS = 5000
TEMPLATE = "portal_template"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
# As in the measurements that the goals were taken from; the same for every server under test.
embedded.SETTINGS.update(
    {
        "shared_buffers": "2GB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "30min",
        "random_page_cost": "1.1",
        "work_mem": "32MB",
    }
)


class Bed:
    """The servers that every contestant shares."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = Home(folder)
        home.prepare()
        self.secrets = home.load_secrets()
        sockets = home.socket_folder()
        self.postgres = Postgres(home.postgres, sockets, log=home.logs / "postgres.log")
        self.valkey = Valkey(folder, sockets, log=home.logs / "valkey.log")
        self.jwt_secret = secrets.token_hex(32)
        self.peer_tokens = folder / "peer-tokens"
        self.portal_tokens = folder / "portal-tokens"

    def start(self) -> None:
        """Start both and look that a commit reaches the disk."""
        self.valkey.start()
        self.postgres.start()
        with psycopg.connect(self.url("postgres", "postgres")) as asked:
            for name in DURABLE:
                row = asked.execute(f"SHOW {name}").fetchone()
                assert row == ("on",), f"{name} is {row}: these figures would mean nothing"

    def stop(self) -> None:
        """Stop both."""
        self.valkey.stop()
        self.postgres.stop()

    def url(self, role: str, database: str = "portal") -> str:
        """Return the address of a database."""
        return self.postgres.url(role, database)

    def count(self, database: str, table: str, where: str = "true") -> int:
        """Count rows as the superuser."""
        with psycopg.connect(self.url("postgres", database)) as asked:
            row = asked.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
        return int(row[0]) if row else 0

    def row(self, database: str, statement: str) -> tuple:
        """Return the one row that a query gives."""
        with psycopg.connect(self.url("postgres", database)) as asked:
            return asked.execute(statement).fetchone()

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement as the superuser."""
        with psycopg.connect(self.url("postgres", database), autocommit=True) as asked:
            asked.execute(statement)

    def fresh(self, name: str, template: str | None = None, owner: str = "postgres") -> None:
        """Replace a database by an empty one, or by a copy."""
        made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            *map(sql.Identifier, (name, owner, template or "template0"))
        )
        gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as asked:
            asked.execute(gone)
            asked.execute(made)

    # --- the portal ---------------------------------------------------------------------------

    def environment(self, process: str, database: str = "portal") -> dict[str, str]:
        """Return the environment of one of the portal's processes."""
        return {
            **self.clean(),
            **self.secrets,
            "DATABASE_URL": self.url("portal_app", database),
            "DATABASE_SAFETY_URL": self.url("portal_safety", database),
            "REDIS_URL": self.valkey.url(),
            "PORTAL_DATA": str(self.folder),
            "PORTAL_PROCESS": process,
            "PORTAL_LOG_LEVEL": "WARNING",
            # The load of a country's phones comes from five thousand.
            "PORTAL_INTAKE_REQUESTS_PER_MINUTE": "1000000",
            "PYTHONPATH": str(ROOT),
        }

    def clean(self) -> dict[str, str]:
        """Return the environment without what the developer has set."""
        ours = ("PORTAL_", "DATABASE_", "REDIS_", "SECRET_", "JWT_", "IDENTITY_", "DJANGO_")
        return {k: v for k, v in os.environ.items() if not k.startswith((*ours, "PYTHONDONT"))}

    def make_portal(self) -> None:
        """Migrate a database and enroll the patients; it is the template of every run."""
        self.fresh(TEMPLATE, owner="portal_owner")
        owner = self.environment("command", TEMPLATE) | {
            "PORTAL_DB_ROLE": "owner",
            "DATABASE_OWNER_URL": self.url("portal_owner", TEMPLATE),
        }
        run([sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"], owner)
        enroll = [sys.executable, str(HERE / "enroll.py"), str(PATIENTS), str(self.portal_tokens)]
        run(enroll, self.environment("command", TEMPLATE))
        self.execute("VACUUM ANALYZE", TEMPLATE)
        self.renew_portal()

    def renew_portal(self) -> None:
        """Give the portal a copy of the template."""
        self.fresh("portal", TEMPLATE, "portal_owner")

    # --- the peers ----------------------------------------------------------------------------

    def make_peers(self, peers: Path) -> None:
        """Make the tokens of the peers' patients, and the DRF peer's database."""
        ends = int(time.time()) + 200_000
        claims = {"token_type": "access", "exp": ends, "iat": ends - 200_060}
        lines = [
            jwt.encode({**claims, "user_id": n, "jti": f"{n:032x}"}, self.jwt_secret, "HS256")
            for n in range(1, PATIENTS + 1)
        ]
        self.peer_tokens.write_text("\n".join(lines) + "\n")
        self.fresh("peer")
        self.renew_peer(peers)
        self.fresh("drf")
        run([sys.executable, str(HERE / "drf_peer.py")], self.drf_environment())

    def renew_peer(self, peers: Path) -> None:
        """Empty the Go peer's tables."""
        for name in ("epro.sql", "epro3.sql"):
            self.execute((peers / name).read_text(), "peer")

    def drf_environment(self) -> dict[str, str]:
        """Return the environment of the DRF peer."""
        return {
            **self.clean(),
            "BENCH_DRF_URL": self.url("postgres", "drf"),
            "JWT_SECRET": self.jwt_secret,
        }


class Process:
    """One program under test; it and its children are gone when this is left."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=child_setup(9, Identity()),
            )
        self.log = log

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        kill_group(self.process.pid, 9)
        self.process.wait()

    def check(self) -> None:
        """Raise SystemExit with the log's end when it has ended."""
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-5:]
            raise SystemExit(f"{self.process.args!r} ended:\n" + "\n".join(lines))


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a command to its end. Raises: SystemExit with what it said."""
    done = subprocess.run(
        command, env=environment, cwd=HERE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(condition, seconds: float, what: str) -> None:
    """Poll. Raises: SystemExit when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not so after {seconds:.0f} s")
        time.sleep(0.05)
