"""The live topic of a report: its progress, to those who see the report (contract.md 2.5)."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from portal.accounts.models import User
from portal.documents.models import Report
from portal.documents.selectors import reports_seen_by, with_progress
from portal.live.sources import Telling, tells
from portal.live.topics import TopicKind, offer


def _may(user: User, record: UUID | None) -> bool:
    return reports_seen_by(user).filter(pk__in=[record]).exists()


offer(TopicKind("report.<id>", _may))


def _topics_of(records: Sequence[UUID]) -> Iterable[str]:
    return [f"report.{record}" for record in records]


@tells("report", topics=_topics_of)
def tell_progress(records: Sequence[UUID]) -> list[Telling]:
    """Tell the topics of reports where they stand now."""
    rows = with_progress(Report.objects.filter(pk__in=records))
    return [
        Telling(
            (f"report.{row.pk}",),
            "report",
            {
                "resource": "report",
                "id": row.pk,
                "version": row.version,
                "state": row.state,
                "percent": row.percent or 0,  # type: ignore[attr-defined]
                "step": row.step or None,  # type: ignore[attr-defined]
            },
        )
        for row in rows.order_by("pk")
    ]
