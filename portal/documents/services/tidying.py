"""What is forgotten: files whose time is over, parts of work that died, files nobody used."""

import time
from datetime import datetime
from pathlib import Path
from uuid import UUID

from portal.documents import store
from portal.documents.models import Report, ReportLease, ReportUpload
from portal.documents.vocabulary import OPEN, ReportState

# A file gets its name before its row says so: this young it is left alone.
YOUNG_SECONDS = 60.0


def tidy(*, at: datetime) -> int:
    """Remove what lies about and belongs to no report or upload of now; return how much."""
    count = 0
    for path in store.folder().iterdir():
        count += _remove_unless(path, _is_wanted(path, at))
    for path in store.folder("uploads").iterdir():
        count += _remove_unless(path, _is_upload_wanted(path, at))
    for path in store.folder("work").iterdir():
        count += _remove_unless(path, _is_worked_at(path, at))
    return count


def _remove_unless(path: Path, wanted: bool) -> bool:
    try:
        is_old = time.time() - path.stat().st_mtime > YOUNG_SECONDS
    except FileNotFoundError:
        return False
    if wanted or not is_old:
        return False
    store.remove(path)
    return True


def _is_wanted(path: Path, at: datetime) -> bool:
    key = _key(path)
    if key is None:
        return False
    if path.suffix == ".part":
        return _is_worked_at(path, at)
    rows = Report.objects.filter(pk=key, state=ReportState.FINISHED, expires_at__gt=at)
    return rows.filter(extension=path.suffix.removeprefix(".")).exists()


def _is_upload_wanted(path: Path, at: datetime) -> bool:
    key = _key(path)
    if key is None or path.suffix != ".zip":
        return False
    if Report.objects.filter(upload=key, state__in=OPEN).exists():
        return True
    unused = ReportUpload.objects.filter(pk=key, expires_at__gt=at)
    return unused.exclude(reports__state=ReportState.FINISHED).exists()


def _is_worked_at(path: Path, at: datetime) -> bool:
    key = _key(path)
    return key is not None and (
        ReportLease.objects.filter(report=key, leased_until__gt=at).exists()
    )


def _key(path: Path) -> UUID | None:
    try:
        return UUID(path.name.partition(".")[0])
    except ValueError:
        return None
