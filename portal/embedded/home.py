"""The folder that holds a portal's data, and what lies where in it."""

import base64
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portal.embedded.errors import StartError

ROOT = Path(__file__).resolve().parent.parent.parent
LEAST_FREE_MB = 300
# A socket's path may have 107 bytes on Linux and 103 on macOS; PostgreSQL appends 19 at most.
LONGEST_SOCKET_FOLDER = 80


def _key_of_tokens() -> str:
    return secrets.token_urlsafe(48)


def _ring_of_one() -> str:
    # The id is random: a key made anew after a loss is never taken for the one that was lost.
    return f"k{secrets.token_hex(4)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def _key_of_pushes() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": _key_of_tokens,
    "JWT_SIGNING_KEY": _key_of_tokens,
    "IDENTITY_KEYS": _ring_of_one,
    "IDENTITY_INDEX_KEY": _key_of_tokens,
    "PORTAL_VAPID_KEY": _key_of_pushes,
}


@dataclass(frozen=True)
class Home:
    """A data folder (PORTAL_DATA)."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.env"

    @property
    def servers(self) -> Path:
        """Where a running portal notes the addresses of its servers, for ./run manage."""
        return self.path / "servers.json"

    @property
    def demo(self) -> Path:
        """Present when the demo was made here: its password is public."""
        return self.path / "demo.json"

    def prepare(self) -> None:
        """Make the folder. Raises: StartError when it cannot be written or the disk is full."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            (self.path / "static").mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"x" * 65536)
                probe.flush()
        except OSError as error:
            raise write_failure(self.path, error) from error
        free_mb = shutil.disk_usage(self.path).free // 2**20
        if free_mb < LEAST_FREE_MB:
            raise StartError(
                f"only {free_mb} MB are free for {self.path}, {LEAST_FREE_MB} are needed: "
                "free some space or set PORTAL_DATA to a folder on another disk"
            )

    def lock(self, owner: str, *, wait: bool = False) -> IO[str]:
        """Take the folder for one command; it is given back when the file or process ends.

        Raises: StartError when another one has it.
        """
        file = open(self.path / "run.lock", "a+")  # noqa: SIM115 - kept open for the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another ./run"
            file.close()
            raise StartError(
                f"{holder} already uses {self.path}: stop it first, or set PORTAL_DATA and "
                "--port to run a second portal"
            ) from None
        file.truncate(0)
        file.write(f"{owner} (process {os.getpid()})")
        file.flush()
        return file

    def holder(self) -> str:
        """Return who holds the lock ("./run ..."), or "" when nobody does."""
        try:
            with open(self.path / "run.lock") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return file.read().strip()
        except OSError:
            pass
        return ""

    def load_secrets(self) -> dict[str, str]:
        """Return the portal's keys, making the missing ones; only the owner can read the file."""
        known: dict[str, str] = {}
        if self.secrets.exists():
            known = read_assignments(self.secrets)
        missing = [name for name in SECRETS if not known.get(name)]
        if missing:
            known.update({name: SECRETS[name]() for name in missing})
            draft = self.secrets.with_suffix(".new")
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.writelines(f"{name}={value}\n" for name, value in known.items())
                file.flush()
                # What is sealed with a key that a power cut took away is lost.
                os.fsync(file.fileno())
            draft.replace(self.secrets)
        return known

    def socket_folder(self) -> Path:
        """Return a folder only this user can enter, with a path short enough for a socket."""
        inside = self.path / "run"
        if len(str(inside)) <= LONGEST_SOCKET_FOLDER and re.fullmatch(r"[\w./-]+", str(inside)):
            return private_folder(inside)
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:8]
        # Checked to be ours by private_folder; a longer name would not fit a socket.
        return private_folder(Path("/tmp") / f"portal-{os.geteuid()}-{digest}")  # noqa: S108


def without_keys() -> dict[str, str]:
    """Return the environment for a server: the portal's keys, which .env may hold, stay outside."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def private_folder(path: Path) -> Path:
    """Make a folder with mode 0700. Raises: StartError when somebody else made it before."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.geteuid():
        raise StartError(f"{path} belongs to somebody else: remove it or set a shorter PORTAL_DATA")
    path.chmod(0o700)
    return path


def read_assignments(path: Path) -> dict[str, str]:
    """Read NAME=value lines; comments, also behind a value, and quotes around it are dropped."""
    values: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            value = value.partition(" #")[0].strip().strip("'\"")
            values[name.strip().removeprefix("export ")] = value
    return values


def write_failure(path: Path, error: OSError) -> StartError:
    """Say in one line why a folder cannot be written and what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StartError(
            f"no space is left for {path}: free some, or set PORTAL_DATA to a folder elsewhere"
        )
    return StartError(
        f"cannot write to {path} ({error.strerror}): set PORTAL_DATA to a folder of your own"
    )
