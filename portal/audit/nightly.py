"""The verification that nobody has to remember: its result is an entry of the trail itself."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection

from portal.audit.chain import Head
from portal.audit.models import AuditEntry
from portal.audit.record import Action, record
from portal.audit.verification import Report, verify
from portal.audit.witness import read_anchor, witnesses
from portal.core.ids import SYSTEM_ACCOUNT

log = structlog.get_logger(__name__)

# A night that was missed is worth a look.
OVERDUE = timedelta(hours=26)
_NAMED = 5
_LOCK = 0x5AFE_0002


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of the last verification; `at` is None where there was none."""

    at: datetime | None = None
    is_clean: bool = False
    is_complete: bool = False

    def state(self, now: datetime) -> str:
        """Return a word for it: ok, failed, unfinished, overdue or never."""
        if self.at is None:
            return "never"
        if not self.is_complete:
            return "unfinished"
        if not self.is_clean:
            return "failed"
        return "overdue" if now - self.at > OVERDUE else "ok"


def verify_and_record(*, at: datetime) -> AuditEntry | None:
    """Verify the trail against the first witness that can be read, and record the result.

    Return the entry, None where another process is verifying. What goes wrong on the way is a
    result too: it is recorded, then raised again.
    Source: security.md 7, 21 CFR 11.10(e). Locks: an advisory lock of the session.
    """
    if not _taken("pg_try_advisory_lock"):
        return None
    began = time.monotonic()
    try:
        anchor = _anchor()
        try:
            report = verify(now=at, anchor=anchor)
        except DatabaseError as error:
            # A damaged page, a function that is gone: what cannot be read is not as it was.
            report = Report()
            report.add(f"the trail cannot be read: {type(error).__name__}")
        except BaseException as error:
            _record(at, {"complete": False, "error": type(error).__name__})
            raise
        seconds = round(time.monotonic() - began, 1)
        return _record(at, _told(report, seconds, anchored=anchor is not None))
    finally:
        _taken("pg_advisory_unlock")


def last_verification() -> Verification:
    """Return what came of the last verification."""
    entry = AuditEntry.objects.filter(action=Action.VERIFIED).order_by("-id").first()
    if entry is None:
        return Verification()
    return Verification(
        at=entry.at,
        is_clean=bool(entry.detail.get("clean")),
        is_complete=bool(entry.detail.get("complete")),
    )


def _anchor() -> list[Head] | None:
    for witness in witnesses():
        try:
            return read_anchor(witness.path)
        except OSError as error:
            log.error("witness_unreachable", witness=str(witness), error=type(error).__name__)
    return None


def _told(report: Report, seconds: float, *, anchored: bool) -> dict[str, Any]:
    """Return the result in codes, ids and counts: rows are named by table and number."""
    return {
        "complete": True,
        "clean": report.is_clean,
        "anchored": anchored,
        "seals": report.seals,
        "rows": report.rows,
        "tables": report.tables,
        "head": report.head,
        "seconds": seconds,
        "findings": len(report.findings),
        "first": [
            {"why": found.why, "table": found.table, "row": found.row, "seal": found.seal}
            for found in report.findings[:_NAMED]
        ],
    }


def _record(at: datetime, detail: dict[str, Any]) -> AuditEntry:
    if not detail.get("clean"):
        log.error("audit_not_verified", **detail)
    return record(Action.VERIFIED, by=SYSTEM_ACCOUNT, at=at, resource="audit_entry", detail=detail)


def _taken(function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [_LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])
