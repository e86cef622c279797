"""Whether a database may need migrating, found out without starting Django."""

import hashlib
from pathlib import Path

from portal.embedded.home import ROOT

APPS = ("portal", "trials", "patients", "events")


def fingerprint() -> str:
    """Return a digest of every migration there is: ours by content, the packages' by the lock."""
    digest = hashlib.sha256()
    files = [file for app in APPS for file in (ROOT / app).rglob("migrations/*.py")]
    for file in [*sorted(files), ROOT / "requirements.txt"]:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def applied(data: Path) -> bool:
    """Tell whether a cluster was migrated to exactly the present state."""
    try:
        return _note(data).read_text() == fingerprint()
    except OSError:
        return False


def is_new(data: Path) -> bool:
    """Tell whether a cluster was never migrated, so that nobody can be using it yet."""
    return not _note(data).exists()


def note_applied(data: Path) -> None:
    """Remember that a cluster is migrated; the note lies in the cluster and goes where it goes."""
    _note(data).write_text(fingerprint())


def _note(data: Path) -> Path:
    return data / "portal-migrations.sha256"
