"""Start, recognize and end processes: the calls of Linux that subprocess does not offer."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x1000_0000
# Loaded before any fork: a child between fork and exec must not import.
_LIBC = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass(frozen=True)
class Identity:
    """As whom a child runs: as we are, as `uid` in a user namespace of its own, or really as `uid`.

    PostgreSQL refuses to run as root. In a namespace it sees an ordinary user while its files stay
    root's: no account is made and no permission of a parent folder is changed.
    """

    kind: str = "self"
    uid: int = 0
    gid: int = 0


def child_setup(death_signal: int | None, identity: Identity) -> Callable[[], None]:
    """Return the hook that Popen runs in the child, between fork and exec.

    The child gets `death_signal` when its parent dies, however it dies (Linux only). The signal is
    asked for last, because the kernel forgets it when the identity changes.
    """
    parent = os.getpid()

    def setup() -> None:
        if identity.kind == "namespace":
            _enter_namespace(identity)
        elif identity.kind == "user":
            os.setgroups([])
            os.setgid(identity.gid)
            os.setuid(identity.uid)
        if _LIBC is not None and death_signal is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return setup


def _enter_namespace(identity: Identity) -> None:
    uid, gid = os.geteuid(), os.getegid()
    assert _LIBC is not None
    if _LIBC.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{identity.uid} {uid} 1"),
        ("gid_map", f"{identity.gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def runs_as(identity: Identity, command: list[str]) -> bool:
    """Tell whether a command can be run under an identity on this machine."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=child_setup(None, identity),
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has reaped yet is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not LINUX
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def works_in(pid: int, folder: Path) -> bool:
    """Tell whether a process is the server of a data folder, not a stranger with a reused id."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        if LINUX:
            return False
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(folder) in listing.stdout


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait until a process that is not our child has ended; tell whether it did."""
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def kill_group(pid: int, sig: int) -> None:
    """Signal a session leader and everything it started; a group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sig)
