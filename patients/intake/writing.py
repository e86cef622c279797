"""A batch from queue to verdicts, without a connection: statements go out, rows come in.

The committer drives it on connections of its own, the Django view on Django's; both are the same
story. Everything here may run again after a failure: what was written is then found as a repeat.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from patients.intake import rows, statement
from patients.intake.bodies import Upload
from patients.intake.content import is_same
from patients.intake.jobs import STORED, Job, Outcome
from patients.intake.keeping import OF_REFUSALS, refusal_statement
from patients.intake.refusals import missing_patient
from patients.vocabulary import QuarantineReason, UploadResource
from portal.core.failpoints import failpoint
from portal.core.ids import uuid7
from portal.outbox.kinds import Lane

Found = Sequence[Sequence[Any]]
Story = Generator[tuple[str, Sequence[Any]], Found, Any]
# Verdicts about a session that does not count.
SESSION = frozenset({"token_invalid", "user_inactive", "token_revoked", "token_expired"})
_TABLES = {
    UploadResource.EPRO_REPORT: "patients_eproreport",
    UploadResource.VITALS_UPLOAD: "patients_vitalsupload",
}
_TYPES = {
    UploadResource.EPRO_REPORT: statement.REPORTS,
    UploadResource.VITALS_UPLOAD: statement.UPLOADS,
}
# What a connection has to know to tell these stories.
TYPES = (*_TYPES.values(), statement.OF_DEVICES, statement.OF_REPEATS, OF_REFUSALS)
_STATEMENTS: Mapping[UploadResource, Callable[..., str]] = {
    UploadResource.EPRO_REPORT: statement.report_statement,
    UploadResource.VITALS_UPLOAD: statement.upload_statement,
}


class _Kept(Struct):
    """What goes to quarantine, or only asks whether its session counts."""

    id: str
    job: Job
    reason: QuarantineReason
    raw: bytes
    code: str = ""
    errors: str = "[]"
    record: str | None = None
    is_kept: bool = True


class _Part(Struct):
    """The row of one patient that a job asks for; a gateway's job asks for several.

    `key` is patient and submission, as fields of what is written: the same ids give the same key.
    """

    id: str
    job: Job
    upload: Upload
    patient: str
    authored_at: datetime
    key: bytes
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Batch:
    parts: list[_Part] = field(default_factory=list)
    kept: list[_Kept] = field(default_factory=list)


def write(jobs: Sequence[Job], lane: Lane) -> Story:
    """Write a batch and give every job its outcome; nothing is settled here."""
    batch = _Batch()
    for job in jobs:
        job.outcome, job.foreign = None, []
        if job.upload is None:
            batch.kept.append(_refused(job))
        elif job.upload.patient:
            one = job.upload
            batch.parts.append(_Part(job.id, job, one, one.patient, one.authored_at, one.key))
        else:
            yield from _split(batch, job)
    failpoint("ingest.before_commit")
    for resource in _TABLES:
        parts = [part for part in batch.parts if part.upload.resource == resource]
        if parts:
            yield from _write_parts(batch, resource, parts, lane)
    if batch.kept:
        failpoint("ingest.mid_write")
        yield from _keep(batch.kept)
    failpoint("ingest.after_commit")


# --- a bedside gateway ----------------------------------------------------------------------------


def _split(batch: _Batch, job: Job) -> Story:
    """Give each patient who held a device at the gateway's site a row; the rest is set aside."""
    assert job.upload is not None
    upload = job.upload
    held = yield (
        statement.holders_statement(),
        [_device_rows([(job.id, upload)]), job.bearer.session],
    )
    if not held:
        job.refusal = missing_patient()
        batch.kept.append(_refused(job))
        return
    places: dict[str, list[int]] = defaultdict(list)
    for place, patient in held:
        places[patient or ""].append(place)
    nobody = sorted(places.pop("", []))
    for number, (patient, theirs) in enumerate(sorted(places.items())):
        first = min(upload.measured[place] for place in theirs)
        part_id = job.id if number == 0 else str(uuid7())
        key = rows.uuid(patient) + upload.key
        batch.parts.append(_Part(part_id, job, upload, patient, first, key))
    _set_aside(batch, job, nobody, job.id if places else None)
    if not places:
        warnings = tuple(_foreign_warnings(job))
        job.outcome = Outcome(STORED, job.id, job.received_at, warnings=warnings)


# --- records --------------------------------------------------------------------------------------


def _write_parts(
    batch: _Batch, resource: UploadResource, parts: Sequence[_Part], lane: Lane
) -> Story:
    staff = any(not part.job.bearer.is_device for part in parts)
    # Of two under one id the first is kept: one statement has to see both. Whoever writes batches
    # beside this one goes through the same ids in the same order.
    by_key = {part.key: part for part in parts}
    by_gate = not staff and len(by_key) == len(parts)
    if by_gate:
        parts = [by_key[key] for key in sorted(by_key)]
    stored, verdicts, foreign = yield from _judge(resource, parts, lane, staff, by_gate=by_gate)
    unjudged = [part for part in parts if part.id not in stored] if by_gate else []
    if unjudged:
        more, verdicts, seen = yield from _judge(resource, unjudged, lane, staff, by_gate=False)
        stored |= more
        foreign += seen
    repeats = []
    for part in parts:
        if part.id in stored:
            part.outcome = Outcome(STORED, part.id, part.job.received_at)
        elif part.id in verdicts:
            part.outcome = Outcome(verdicts[part.id])
        else:
            repeats.append(part)
    if repeats:
        yield from _compare(batch, resource, repeats)
    if foreign:
        _add_foreign(parts, foreign)
    _conclude(batch, parts)


def _add_foreign(parts: Sequence[_Part], foreign: Iterable[tuple[str, str]]) -> None:
    by_id = {part.id: part for part in parts}
    for part_id, place in foreign:
        # A gateway's were sorted before.
        if by_id[part_id].upload.patient:
            by_id[part_id].job.foreign.append(int(place))


def _judge(
    resource: UploadResource, parts: Sequence[_Part], lane: Lane, staff: bool, *, by_gate: bool
) -> Generator[Any, Found, tuple[set[str], dict[str, str], list[tuple[str, str]]]]:
    """Write parts that may be written.

    Return the ids of those that were, the verdicts on others, and the readings of devices that the
    patient did not hold (part, place).
    """
    sent = [rows.Rows(_TYPES[resource], list(map(_row, parts)))]
    devices = any(part.upload.names_device for part in parts)
    if devices:
        sent.append(_device_rows((part.id, part.upload) for part in parts))
    sql = _STATEMENTS[resource](lane.value, staff=staff, devices=devices, by_gate=by_gate)
    inserted, refused, foreign, *_ = (yield sql, [*sent, len(parts)])[0]
    ids = [part.id for part in parts] if inserted is None else inserted.split(",")
    return set(ids), dict(_pairs(refused)), list(_pairs(foreign))


def _compare(batch: _Batch, resource: UploadResource, parts: Sequence[_Part]) -> Story:
    """Answer what was sent before: with the first answer, or with a conflict."""
    sent = [(part.patient, part.upload.submission_id) for part in parts]
    found = yield (
        statement.earlier_statement(_TABLES[resource]),
        [rows.rows_of(statement.OF_REPEATS, sent)],
    )
    earlier = {(row[0], row[1]): row[2:] for row in found}
    for part in parts:
        first = earlier.get((part.patient.lower(), part.upload.submission_id.lower()))
        if first is None:
            # Written by somebody whose transaction ended in the meantime: the client repeats.
            part.outcome = Outcome("unavailable")
            continue
        record, received_at, digest, original = first
        if digest == part.upload.digest or is_same(bytes(original), part.upload.raw):
            part.outcome = Outcome(STORED, record, received_at, is_replayed=True)
        else:
            part.outcome = Outcome("submission_conflict", record)


def _conclude(batch: _Batch, parts: Sequence[_Part]) -> None:
    """Give each job the outcome of its parts: what refuses one of them, or the first record."""
    of_gateways: dict[str, list[_Part]] = {}
    for part in parts:
        assert part.outcome is not None
        if part.upload.patient:
            _finish(batch, part, part.outcome)
        else:
            of_gateways.setdefault(part.job.id, []).append(part)
    for together in of_gateways.values():
        outcomes = [part.outcome for part in together if part.outcome is not None]
        outcome = next((one for one in outcomes if one.code != STORED), outcomes[0])
        if outcome.code == STORED:
            outcome.is_replayed = all(one.is_replayed for one in outcomes)
        _finish(batch, together[0], outcome)


def _finish(batch: _Batch, part: _Part, outcome: Outcome) -> None:
    job = part.job
    job.outcome = outcome
    if outcome.code != STORED:
        _keep_refused(batch, job, outcome.code)
    elif part.upload.warnings or job.foreign:
        outcome.warnings = (*part.upload.warnings, *_foreign_warnings(job))


def _keep_refused(batch: _Batch, job: Job, code: str) -> None:
    assert job.outcome is not None
    if code == "submission_conflict":
        reason, record = QuarantineReason.SUBMISSION_CONFLICT, job.outcome.id
    elif code in ("not_found", "forbidden"):
        reason, record = QuarantineReason.REFUSED, None
    else:
        return
    batch.kept.append(_Kept(str(uuid7()), job, reason, job.raw, code=code, record=record))


# --- quarantine -----------------------------------------------------------------------------------


def _set_aside(batch: _Batch, job: Job, places: Sequence[int], record: str | None) -> None:
    """Quarantine a gateway's readings of devices that nobody at its site held."""
    assert job.upload is not None
    job.foreign = list(places)
    by_place = {reading.index: reading for reading in job.upload.device_readings}
    for number, place in enumerate(places):
        part = {"pointer": f"/readings/{place}", "code": QuarantineReason.DEVICE_OF_ANOTHER.value}
        batch.kept.append(
            _Kept(
                job.id if number == 0 and record is None else str(uuid7()),
                job,
                QuarantineReason.DEVICE_OF_ANOTHER,
                by_place[place].raw,
                errors=encode([part]).decode(),
                record=record,
            )
        )


def _foreign_warnings(job: Job) -> Iterable[tuple[str, str]]:
    name = "vitals" if job.resource is UploadResource.EPRO_REPORT else "readings"
    for place in job.foreign:
        yield f"/{name}/{place}/device_id", QuarantineReason.DEVICE_OF_ANOTHER.value


def _refused(job: Job) -> _Kept:
    refusal = job.refusal
    assert refusal is not None
    errors = [{"pointer": e.pointer, "code": e.code} for e in refusal.problem.errors[:50]]
    job.outcome = Outcome("refused", refusal=refusal)
    return _Kept(
        job.id,
        job,
        QuarantineReason.REFUSED,
        job.raw,
        code=refusal.problem.code[:60],
        errors=encode(errors).decode(),
        is_kept=refusal.is_kept,
    )


def _keep(kept: Sequence[_Kept]) -> Story:
    """Write what was set aside, and say of every session that does not count that it does not."""
    found = yield refusal_statement(), [rows.rows_of(OF_REFUSALS, map(_kept_row, kept))]
    verdicts = dict(_pairs(found[0][1]))
    for one in kept:
        verdict = verdicts.get(one.id)
        if verdict is not None:
            one.job.outcome = Outcome(verdict)


def _kept_row(one: _Kept) -> tuple[Any, ...]:
    job = one.job
    raw = one.raw if one.is_kept else b""
    refusal, upload = job.refusal, job.upload
    patient = upload.patient if upload else refusal and refusal.patient
    submission = upload.submission_id if upload else refusal and refusal.submission_id
    return (
        one.id,
        job.bearer.session,
        job.bearer.user,
        job.bearer.is_device,
        patient or None,
        submission or None,
        job.received_at,
        one.is_kept,
        job.resource.value,
        one.reason.value,
        one.code,
        one.errors,
        one.record,
        raw,
        hashlib.sha256(raw).digest(),
    )


# --- parameters -----------------------------------------------------------------------------------


def _row(part: _Part) -> bytes:
    """Return what an upload brings, in the order of the statement's columns."""
    upload = part.upload
    return b"".join(
        (
            rows.uuid(part.id),
            part.job.bearer.fields,
            part.key,
            rows.instant(part.authored_at),
            rows.instant(part.job.received_at),
            rows.binary(upload.raw),
            rows.binary(upload.digest),
            upload.fields,
        )
    )


def _device_rows(uploads: Iterable[tuple[str, Upload]]) -> rows.Rows:
    return rows.rows_of(
        statement.OF_DEVICES,
        (
            (
                upload_id,
                reading.index,
                reading.identifier,
                reading.is_own,
                reading.measured_at,
                str(uuid7()) if upload.patient else None,
                reading.raw,
                hashlib.sha256(reading.raw).digest(),
            )
            for upload_id, upload in uploads
            for reading in upload.device_readings
        ),
    )


def _pairs(text: str | None) -> Iterable[tuple[str, str]]:
    for pair in text.split(",") if text else ():
        key, _, value = pair.partition(":")
        yield key, value
