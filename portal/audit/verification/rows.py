"""The rows: each as it was sealed, none more, none less, and each record as its history says."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count

from portal.audit.chain import Part, first_difference
from portal.audit.models import SealLayout, SealPart
from portal.audit.selectors import parts_of, sealed_tables
from portal.audit.verification.chain import CLOCK_TOLERANCE, Chain
from portal.audit.verification.report import Report
from portal.core.history import TRACKED

PARTS_AT_ONCE = 50


def check_rows(report: Report, chain: Chain, *, now: datetime, step: Callable[[int], None]) -> None:
    """Check every sealed table. `step` is told how many rows were read."""
    tables = sealed_tables()
    report.tables = len(tables)
    expected = {history._meta.db_table for history in TRACKED.values()}
    expected |= {
        "audit_auditentry",
        *SealPart.objects.values_list("table_name", flat=True).distinct(),
    }
    for table in sorted(expected - set(tables)):
        report.add("the table is gone", table=table)
    layouts: dict[str, list[SealLayout]] = {}
    for layout in SealLayout.objects.all():
        layouts.setdefault(layout.table_name, []).append(layout)
    known = {bytes(layout.digest) for group in layouts.values() for layout in group}
    for table, digest in SealPart.objects.values_list("table_name", "layout").distinct():
        if bytes(digest) not in known:
            report.add("the list of sealed columns is gone", table=table)
    for table, columns in tables.items():
        for layout in layouts.get(table, []):
            lost = set(layout.columns) - set(columns)
            if lost:
                report.add(f"sealed columns are gone: {', '.join(sorted(lost))}", table=table)
            else:
                _check_parts(report, chain, table, bytes(layout.digest), step)
        _check_beyond(report, chain, table, now)


def check_records(report: Report, *, step: Callable[[int], None]) -> None:
    """Compare each record with the last row of its history."""
    with connection.cursor() as cursor:
        for model in TRACKED:
            table = model._meta.db_table
            cursor.execute("SELECT * FROM audit.current_difference(%s)", [table])
            for key, row, why in cursor.fetchall():
                report.add(why, table=table, row=row, record=key)
            step(1)


def _check_parts(
    report: Report, chain: Chain, table: str, layout: bytes, step: Callable[[int], None]
) -> None:
    for low, high in _batches(chain, table, layout):
        parts = parts_of(table, layout, low, high)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM audit.part_digests(%s, %s, %s, %s)", [table, layout, low, high]
            )
            for key, counted, digest, earliest, latest in cursor.fetchall():
                part = parts[key]
                if bytes(digest) != part.digest or counted != part.row_count:
                    _locate(report, part)
                _check_times(report, chain, part, earliest, latest)
                report.rows += counted
                step(counted)


def _batches(chain: Chain, table: str, layout: bytes) -> Iterator[tuple[int, int]]:
    """Yield (after, upto) of seal numbers with not too many parts in one statement."""
    counts = (
        SealPart.objects.filter(table_name=table, layout=layout)
        .filter(seal_id__gt=chain.since, seal_id__lte=chain.last)
        .values_list("seal_id")
        .annotate(parts=Count("id"))
        .order_by("seal_id")
    )
    low, last, held = chain.since, chain.since, 0
    for seal, parts in counts:
        if held and held + parts > PARTS_AT_ONCE:
            yield low, last
            low, held = last, 0
        last, held = seal, held + parts
    if held:
        yield low, last


def _locate(report: Report, part: Part) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit.row_marks(%s)", [part.id])
        row = cursor.fetchone()
    difference = first_difference(part.marks, bytes(row[0]) if row else b"")
    if difference is None:
        report.add(
            f"the digest of rows {part.after_id + 1} to {part.upto_id} is another one",
            table=part.table,
            seal=part.seal,
        )
    else:
        report.add(difference[1], table=part.table, row=difference[0], seal=part.seal)


def _check_times(
    report: Report, chain: Chain, part: Part, earliest: datetime | None, latest: datetime | None
) -> None:
    floor, ceiling = chain.times.get(part.seal, (None, None))
    if earliest and floor and earliest < floor - CLOCK_TOLERANCE:
        _misdated(report, part, earliest)
    elif latest and ceiling and latest > ceiling + CLOCK_TOLERANCE:
        _misdated(report, part, latest)


def _misdated(report: Report, part: Part, at: datetime) -> None:
    report.add(
        f"a row is dated {at.isoformat()}, which its place in the order rules out",
        table=part.table,
        row=part.after_id + 1,
        seal=part.seal,
    )


def _check_beyond(report: Report, chain: Chain, table: str, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT counted, stray, highest, given, earliest, latest "
            "FROM audit.table_facts(%s, %s, %s)",
            [table, chain.after_id, chain.upto_id],
        )
        row: tuple[Any, ...] = cursor.fetchone() or (None,) * 6
    _counted, stray, highest, given, earliest, latest = row
    if stray is not None:
        report.add("was slipped in after sealing", table=table, row=stray)
    if given < max(highest or 0, chain.upto_id):
        report.add("its id was never given out", table=table, row=highest or given)
    if highest is None:
        return
    report.unsealed += 1
    floor = chain.last_sealed_at
    too_late = latest > now + CLOCK_TOLERANCE
    if too_late or (floor is not None and earliest < floor - CLOCK_TOLERANCE):
        at = latest if too_late else earliest
        report.add(
            f"an unsealed row is dated {at.isoformat()}, which its place in the order rules out",
            table=table,
            row=highest,
        )
