"""The seals themselves: numbered without gaps, linked, and equal to what the witness knows."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.audit.chain import GENESIS, Head, Link, layout_digest, parts_digest
from portal.audit.models import SealLayout
from portal.audit.selectors import links, parts_of_seals
from portal.audit.verification.report import Report

# Clocks may differ and be corrected by this much (F36: five minutes).
CLOCK_TOLERANCE = timedelta(minutes=10)
SEALS_AT_ONCE = 500


@dataclass(slots=True)
class Chain:
    """The seals that were checked, and what the check of the rows needs of them."""

    after_id: int = 0
    upto_id: int = 0
    since: int = 0
    last: int = 0
    last_sealed_at: datetime | None = None
    # By seal: the earliest and latest time that its rows can have.
    times: dict[int, tuple[datetime | None, datetime]] = field(default_factory=dict)


def check_chain(
    report: Report, *, since: int, anchor: list[Head] | None, step: Callable[[int], None]
) -> Chain:
    """Check all seals after `since`, which must itself be the one that the next points to."""
    chain = Chain(since=since)
    previous = _start(report, chain, since)
    samples: deque[tuple[int, datetime]] = deque()
    floor: datetime | None = None
    heads: dict[int, Head] = {}
    batch: list[Link] = []
    for link in links(after=since):
        _check_link(report, link, previous)
        while samples and samples[0][0] <= link.after_id:
            floor = samples.popleft()[1]
        samples.append((link.sampled_id, link.sealed_at))
        chain.times[link.number] = (floor, link.sealed_at)
        heads[link.number] = link.head()
        previous = link
        batch.append(link)
        if len(batch) == SEALS_AT_ONCE:
            _check_parts(report, batch)
            step(len(batch))
            batch = []
    _check_parts(report, batch)
    step(len(batch))
    if previous is not None:
        chain.upto_id, chain.last = previous.upto_id, previous.number
        chain.last_sealed_at = previous.sealed_at
        report.head = previous.hash.hex()
    report.seals = len(heads)
    _check_layouts(report)
    if anchor is not None:
        _check_anchor(report, heads, anchor, since)
    return chain


def _start(report: Report, chain: Chain, since: int) -> Link | None:
    if since == 0:
        return None
    first = next(iter(links(after=since - 1)), None)
    if first is None or first.number != since:
        report.add("the seal to start from is missing", seal=since)
        return None
    if first.computed_hash() != first.hash:
        report.add("its hash is not that of its content", seal=since)
    chain.after_id = first.upto_id
    return first


def _check_link(report: Report, link: Link, previous: Link | None) -> None:
    expected = previous.number + 1 if previous else 1
    if link.number != expected:
        report.add(f"seals {expected} to {link.number - 1} are missing", seal=expected)
    elif link.previous_hash != (previous.hash if previous else GENESIS):
        report.add("it does not follow from the seal before", seal=link.number)
    if link.computed_hash() != link.hash:
        report.add("its hash is not that of its content", seal=link.number)
    if link.after_id != (previous.upto_id if previous else 0) or link.upto_id < link.after_id:
        report.add("it does not begin where the seal before ends", seal=link.number)
    if link.total_count != (previous.total_count if previous else 0) + link.row_count:
        report.add("its count does not add up", seal=link.number)
    if previous and link.sealed_at < previous.sealed_at - CLOCK_TOLERANCE:
        report.add("it is older than the seal before", seal=link.number)


def _check_parts(report: Report, batch: list[Link]) -> None:
    if not batch:
        return
    parts = parts_of_seals(batch[0].number, batch[-1].number)
    for link in batch:
        own = parts.get(link.number, [])
        if parts_digest(own) != link.parts_digest:
            report.add("its parts are not those that were sealed", seal=link.number)
        if sum(part.row_count for part in own) != link.row_count:
            report.add("its parts do not hold as many rows as it says", seal=link.number)


def _check_layouts(report: Report) -> None:
    for digest, table, columns in SealLayout.objects.values_list("digest", "table_name", "columns"):
        if layout_digest(table, columns) != bytes(digest):
            report.add("the list of sealed columns was changed", table=table)


def _check_anchor(report: Report, heads: dict[int, Head], anchor: list[Head], since: int) -> None:
    known: dict[int, Head] = {}
    for head in anchor:
        if known.setdefault(head.number, head) != head:
            report.add("the anchor knows it in two versions", seal=head.number)
    last = max(known, default=0)
    for number in range(since + 1, last + 1):
        if number not in known:
            report.add("the anchor lacks it", seal=number)
        elif number not in heads:
            end = max(heads, default=since)
            rows = known[last].count - (heads[end].count if heads else 0)
            report.add(
                f"the anchor knows {last} seals, the database ends with {end}: "
                f"about {rows} rows are missing",
                seal=number,
            )
            return
        elif known[number] != heads[number]:
            report.add("the anchor knows it otherwise", seal=number)
    if last == 0:
        report.add("the anchor is empty")
