"""All checks, one after the other, with a voice for the one who waits."""

from collections.abc import Callable
from datetime import datetime

from portal.audit.chain import Head
from portal.audit.models import Seal
from portal.audit.verification.chain import check_chain
from portal.audit.verification.guards import check_guards
from portal.audit.verification.report import Report
from portal.audit.verification.rows import check_records, check_rows
from portal.core.history import TRACKED

# What is being done, how much of it is done, how much there is.
Progress = Callable[[str, int, int], None]


def verify(
    *,
    now: datetime,
    since: int = 0,
    anchor: list[Head] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Recompute the seals after `since` and everything they cover; change nothing.

    Sealing may go on meanwhile: what is sealed later is left to the next verification. Without an
    anchor a whole chain made anew, and a tail cut off with all its seals, cannot be seen.
    """
    report = Report()
    last = Seal.objects.order_by("-number").values_list("number", "total_count").first()
    seals, rows = last or (0, 0)
    if since:
        rows -= Seal.objects.filter(pk=since).values_list("total_count", flat=True).first() or 0
    chain = check_chain(
        report, since=since, anchor=anchor, step=_counter(progress, "seals", seals - since)
    )
    check_rows(report, chain, now=now, step=_counter(progress, "rows", rows))
    check_records(report, step=_counter(progress, "tables", len(TRACKED)))
    check_guards(report)
    report.sort()
    return report


def _counter(progress: Progress | None, what: str, total: int) -> Callable[[int], None]:
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(what, min(done, total), total)

    return step
