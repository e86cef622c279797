"""Lines of progress: numbered without gaps, and told to whoever waits for them."""

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Max

from portal.core.transactions import require_transaction
from portal.documents.models import Report, ReportProgress
from portal.documents.vocabulary import Told
from portal.live.announcing import announce

# Streams of progress and the runner listen here.
CHANNEL = "reports"


def tell(
    report: Report,
    kind: Told,
    *,
    at: datetime,
    percent: int | None = None,
    step: str | None = None,
    done: int | None = None,
    total: int | None = None,
) -> None:
    """Write the next line of a report's progress. The caller has locked the report's row.

    What is not said stays as it was in the line before.
    """
    require_transaction()
    last = ReportProgress.objects.filter(report=report).order_by("-number").first()
    started_anew = kind is Told.STARTED or last is None
    ReportProgress.objects.create(
        report=report,
        number=(last.number if last else 0) + 1,
        kind=kind,
        attempt=report.attempts,
        percent=(0 if started_anew else last.percent) if percent is None else percent,  # type: ignore[union-attr]
        step=("" if started_anew else last.step) if step is None else step,  # type: ignore[union-attr]
        done=done,
        total=total,
        at=at,
    )
    announce("report", [report.pk])
    wake()


def wake() -> None:
    """Tell streams and the runner, once the transaction commits, that there is something new."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_notify('{CHANNEL}', '')")


def last_numbers(reports: list[UUID]) -> dict[UUID, int]:
    """Return the number of the newest line of each report."""
    rows = ReportProgress.objects.filter(report__in=reports).values("report")
    return {row["report"]: row["last"] for row in rows.annotate(last=Max("number"))}
