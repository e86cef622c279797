"""Keep the migrated cluster between runs: migrating takes longer than most runs.

What is kept is a whole cluster after a clean stop, under a digest of everything that shapes it. It
lies in the system's temporary folder, readable by this user only.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from portal.embedded.home import ROOT, private_folder

KEPT = 6
SHAPING = ("*/migrations/*.py", "*/models/*.py", "*/models.py", "portal/core/**/*.py",
           "portal/*/models/*.py", "portal/*/models.py", "portal/*/migrations/*.py",
           "portal/access/*.py", "deploy/roles.sql", "requirements.txt")  # fmt: skip


def _cache() -> Path:
    return private_folder(Path(tempfile.gettempdir()) / f"portal-templates-{os.geteuid()}")


def key() -> str:
    """Return the digest of what shapes a migrated cluster, as it is now."""
    digest = hashlib.sha256()
    files = {file for pattern in SHAPING for file in ROOT.glob(pattern)}
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def restore(data: Path) -> bool:
    """Copy the kept cluster to its place; tell whether there was one."""
    kept = _cache() / key()
    if not kept.exists():
        return False
    try:
        shutil.copytree(kept, data)
        os.utime(kept)
    except OSError:
        shutil.rmtree(data, ignore_errors=True)
        return False
    return True


def keep(data: Path, digest: str) -> None:
    """Keep a cleanly stopped cluster, and of the older ones only a few."""
    cache = _cache()
    # Somebody may have edited a model between our start and our migration.
    if digest != key() or (cache / digest).exists() or (data / "postmaster.pid").exists():
        return
    draft = Path(tempfile.mkdtemp(dir=cache, prefix="draft-"))
    try:
        shutil.copytree(data, draft, dirs_exist_ok=True)
        draft.rename(cache / digest)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
    by_age = sorted(cache.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in by_age[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
