"""Compare what phones were told with what is there.

`judge` is a pure function of the phones' history and of what was found in the database, so that a
test can plant each kind of damage and see it named.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import psycopg

from portal.demo.simulation.phone import Line, Step, digest

Key = tuple[UUID, UUID]  # patient, submission


class Verdict(StrEnum):
    """What can be wrong with a submission; `recovered` is not wrong."""

    LOST = "lost"
    DUPLICATED_EFFECT = "duplicated effect"
    MISSING_EFFECT = "missing effect"
    UNEXPECTED = "unexpected"
    LATE = "late"
    CORRUPT = "corrupt"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds of one submission."""

    body_hash: str
    is_sound: bool = True  # the bytes have the digest that was stored with them
    # effect -> how many there are, and how many there should be
    effects: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    seconds_to_effect: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgment:
    """All verdicts of a run, by submission."""

    submissions: int
    accepted: int
    found: Mapping[Verdict, Sequence[Key]]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not [v for v in self.found if v is not Verdict.RECOVERED and self.found[v]]

    def text(self) -> str:
        """Return `0 in n` for each verdict that is wrong, and what was found of the others."""
        wrong = [verdict for verdict in Verdict if verdict is not Verdict.RECOVERED]
        said = ", ".join(
            f"{len(self.found.get(verdict, ()))} {verdict} in {self.submissions}"
            for verdict in wrong
        )
        recovered = len(self.found.get(Verdict.RECOVERED, ()))
        return f"{said}; {self.accepted} accepted, {recovered} recovered"


def judge(
    history: Iterable[Line], stored: Mapping[Key, Stored], *, late_after: float = 3600.0
) -> Judgment:
    """Return what is wrong with what is stored, given what the phones were told."""
    steps: dict[Key, Counter[Step]] = defaultdict(Counter)
    hashes: dict[Key, set[str]] = defaultdict(set)
    for line in history:
        steps[line.patient, line.key][line.step] += 1
        hashes[line.patient, line.key].add(line.body_hash)
    found: dict[Verdict, list[Key]] = defaultdict(list)
    for key in steps.keys() | stored.keys():
        for verdict in _verdicts(steps[key], hashes[key], stored.get(key), late_after):
            found[verdict].append(key)
    accepted = sum(1 for counts in steps.values() if counts[Step.OK])
    return Judgment(len(steps), accepted, found)


def _verdicts(
    steps: Counter[Step], hashes: set[str], one: Stored | None, late_after: float
) -> Iterable[Verdict]:
    if one is None:
        if steps[Step.OK]:
            yield Verdict.LOST
        return
    if not steps[Step.OK]:
        # An attempt whose end nobody saw may have been stored; one that was refused may not.
        unseen = steps[Step.INVOKE] - steps[Step.FAIL]
        yield Verdict.RECOVERED if unseen > 0 else Verdict.UNEXPECTED
    if hashes and (one.body_hash not in hashes or not one.is_sound):
        yield Verdict.CORRUPT
    names = one.effects.keys() | one.expected.keys()
    counts = [(one.effects.get(name, 0), one.expected.get(name, 0)) for name in names]
    if any(is_there > wanted for is_there, wanted in counts):
        yield Verdict.DUPLICATED_EFFECT
    if any(is_there < wanted for is_there, wanted in counts):
        yield Verdict.MISSING_EFFECT
    if one.seconds_to_effect > late_after:
        yield Verdict.LATE


# One row for a submission: its bytes and their digest, and how many rows each effect left.
REPORTS = """
SELECT r.patient_id, r.submission_id, r.original, r.digest,
    (SELECT count(*) FROM audit.patients_eproreporthistory h WHERE h.pgh_obj_id = r.id),
    (SELECT count(*) FROM patients_reportprocessing p
        WHERE p.report_id = r.id AND p.status = 'processed'),
    (SELECT count(*) FROM patients_diaryanswer a WHERE a.report_id = r.id),
    (SELECT count(*) FROM patients_vitalsign v WHERE v.report_id = r.id),
    (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM outbox_outboxdelivery d
        WHERE d.record_id = r.id AND d.kind = 'report.received' AND d.state = 'done'
        GROUP BY d.handler) AS by_handler),
    coalesce(extract(epoch FROM (SELECT max(p.processed_at) FROM patients_reportprocessing p
        WHERE p.report_id = r.id) - r.received_at), 0)
FROM patients_eproreport r
"""
UPLOADS = """
SELECT r.patient_id, r.submission_id, r.original, r.digest,
    (SELECT count(*) FROM audit.patients_vitalsuploadhistory h WHERE h.pgh_obj_id = r.id),
    (SELECT count(*) FROM patients_reportprocessing p
        WHERE p.vitals_upload_id = r.id AND p.status = 'processed'),
    0,
    (SELECT count(*) FROM patients_vitalsign v WHERE v.vitals_upload_id = r.id),
    (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM outbox_outboxdelivery d
        WHERE d.record_id = r.id AND d.kind = 'vitals.received' AND d.state = 'done'
        GROUP BY d.handler) AS by_handler),
    coalesce(extract(epoch FROM (SELECT max(p.processed_at) FROM patients_reportprocessing p
        WHERE p.vitals_upload_id = r.id) - r.received_at), 0)
FROM patients_vitalsupload r
"""
EFFECTS = ("history", "processing", "answers", "readings", "deliveries")


def read_stored(url: str, *, with_effects: bool = True) -> dict[Key, Stored]:
    """Return what a database holds of every submission."""
    with psycopg.connect(url) as connection:
        return read_through(connection, with_effects=with_effects)


def read_through(connection: psycopg.Connection, *, with_effects: bool = True) -> dict[Key, Stored]:
    """Return what one transaction sees of every submission."""
    found = {}
    for statement in (REPORTS, UPLOADS):
        for patient, submission, raw, kept, *counts, seconds in connection.execute(statement):
            found[patient, submission] = Stored(
                digest(raw),
                hashlib.sha256(raw).digest() == bytes(kept),
                dict(zip(EFFECTS, counts, strict=True)) if with_effects else {},
                _expected(raw) if with_effects else {},
                float(seconds),
            )
    return found


def _expected(raw: bytes) -> dict[str, int]:
    said = json.loads(raw)
    return {
        "history": 1,
        "processing": 1,
        "answers": len(said.get("answers", {})) + len(said.get("missing", {})),
        "readings": len(said.get("vitals", ())) + len(said.get("readings", ())),
        "deliveries": 1,
    }
