"""One chunk of uploads, from lock to receipt, in a number of statements that does not grow."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from patients.models import DiaryAnswer, VitalSign
from patients.pipeline import REASON, builtin, diary_days, outcome
from patients.pipeline.alerts import raise_alerts
from patients.pipeline.decoding import CannotProcess, Upload, decode
from patients.pipeline.definitions import Rules, active_rules, find_instruments, instrument
from patients.pipeline.evaluation import evaluate, jobs_of
from patients.pipeline.findings import note_findings
from patients.pipeline.samples import vital_signs_among, write_samples
from patients.pipeline.scores import write_scores
from patients.pipeline.steps import Rows, answers_of, observed_reading, readings_of
from patients.rules.ages import age_in_years
from patients.vocabulary import ReportStatus
from portal.core.failpoints import failpoint
from portal.core.history import Source, acting
from portal.core.ids import PIPELINE_ACCOUNT
from portal.core.rows import insert_rows

# Activating a rule waits for the chunks that were begun without it.
RULES_LOCK = 0x5AFE_0001

_PLACED = ("id", "created_at", "patient_id", "trial_id", "site_id", "protocol_version_id")
_ANSWER_COLUMNS = (*_PLACED, "entry_source", "report_id", "item", "value", "missing_reason")
_READING_COLUMNS = (
    *_PLACED,
    "entry_source",
    "report_id",
    "vitals_upload_id",
    "reading_id",
    "code",
    "original_value",
    "original_unit",
    "comparator",
    "value",
    "unit",
    "coded_value",
    "conversion_factor",
    "measured",
    "received_at",
    "panel",
    "position",
    "body_site",
    "laterality",
    "method",
    "timepoint",
    "elapsed",
    "repeat",
    "fasting",
    "originator",
    "device_id",
    "status",
    "not_done_reason",
    "flags",
)
_OF_PATIENT = """
       pt.age, pt.age_unit, coalesce(p.status, ''), coalesce(p.attempts, 0), u.disposition
FROM {table} u
JOIN patients_patient pt ON pt.id = u.patient_id
LEFT JOIN patients_reportprocessing p ON p.{reference} = u.id
WHERE u.id = ANY(%s)
ORDER BY u.authored_at, u.id
"""
_LOAD = {
    "epro_report": """
SELECT u.id, u.patient_id, u.trial_id, u.site_id, u.authored_at, u.received_at, u.original,
       u.foreign_readings, u.protocol_version_id, u.instrument_id, u.instrument_code,
       u.instrument_version, u.assignment_id, u.device_id, u.originator, u.time_zone,
"""
    + _OF_PATIENT.format(table="patients_eproreport", reference="report_id"),
    "vitals_upload": """
SELECT u.id, u.patient_id, u.trial_id, u.site_id, u.authored_at, u.received_at, u.original,
       u.foreign_readings, u.protocol_version_id, NULL::uuid, '', '', NULL::uuid, NULL::uuid,
       'device', '',
"""
    + _OF_PATIENT.format(table="patients_vitalsupload", reference="vitals_upload_id"),
}


def process(resource: str, patients: Iterable[UUID], uploads: Sequence[UUID]) -> None:
    """Process stored uploads of one resource (epro_report, vitals_upload) in one transaction.

    An upload that was processed is passed over. Locks: an advisory lock for each patient.
    Raises: whatever a step does not expect; the caller then tries them one by one.
    """
    with acting(by=PIPELINE_ACCOUNT, reason=REASON, source=Source.TASK):
        at = lock_patients(patients)
        loaded = _load(resource, uploads)
        if loaded:
            _process(loaded, at)


def lock_patients(patients: Iterable[UUID]) -> datetime:
    """Take the advisory lock of each patient, always in the same order; return the time since.

    The time is the database's: rows and the activation of rules are ordered by it.
    """
    keys = sorted({int.from_bytes(one.bytes[8:], signed=True) for one in patients})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(%s::bigint[]) AS key", [keys]
        )
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at


def _load(resource: str, uploads: Sequence[UUID]) -> list[Upload]:
    with connection.cursor() as cursor:
        cursor.execute(_LOAD[resource], [list(uploads)])
        rows = cursor.fetchall()
    return [_upload(resource, row) for row in rows if row[18] != ReportStatus.PROCESSED]


def _upload(resource: str, row: Sequence[Any]) -> Upload:
    return Upload(
        id=row[0],
        resource=resource,
        patient_id=row[1],
        trial_id=row[2],
        site_id=row[3],
        authored_at=row[4],
        received_at=row[5],
        raw=bytes(row[6]),
        foreign_readings=tuple(row[7]),
        protocol_version_id=row[8],
        instrument_id=row[9],
        instrument_name=(row[10], row[11]),
        assignment_id=row[12],
        device_id=row[13],
        originator=row[14],
        time_zone=row[15],
        age_years=age_in_years(row[16], row[17]),
        attempts=row[19],
        disposition=row[20],
    )


def _process(uploads: Sequence[Upload], at: datetime) -> None:
    rules = active_rules({one.trial_id for one in uploads})
    find_instruments(uploads)
    rows = Rows()
    for upload in uploads:
        _run_steps(upload, rules, rows)
    _read_devices(uploads, rows)
    failpoint("pipeline.before_write")
    insert_rows(DiaryAnswer, _ANSWER_COLUMNS, _at(rows.answers, at), on_conflict=_ONCE)
    rows.readings += vital_signs_among(rows.samples, rules)
    rows.observed += _write_readings(uploads, rows, at)
    write_samples(rows.samples, uploads, at)
    write_scores(rows.scores, at)
    failpoint("pipeline.mid_write")
    jobs = jobs_of(rows.observed, builtin.with_built_in(rules, rows.observed, at))
    evaluate(jobs, at)
    jobs += diary_days.settle(uploads, rules, at)
    raise_alerts(jobs, at)
    note_findings(rows.findings, at)
    outcome.write(uploads, at)
    failpoint("pipeline.before_commit")


_ONCE = "ON CONFLICT DO NOTHING"


def _run_steps(upload: Upload, rules: Rules, rows: Rows) -> None:
    """Run the steps of one upload; what stops it is said on it, and stops no other."""
    try:
        decode(upload)
        if upload.resource == "epro_report":
            if upload.instrument_id is None:
                raise CannotProcess(_unknown(upload))
            watched = frozenset(
                key for trial, source, key in rules if (trial, source) == _items(upload)
            )
            answers_of(upload, instrument(upload.instrument_id), watched, rows)
    except CannotProcess as error:
        upload.problem = error.detail


def _items(upload: Upload) -> tuple[UUID, str]:
    return upload.trial_id, "answer"


def _unknown(upload: Upload) -> str:
    return _(
        "Version %(version)s of the instrument %(code)s is not known here. "
        "Import it, then run the report again; its readings were taken in."
    ) % {"code": upload.instrument_name[0], "version": upload.instrument_name[1]}


def _read_devices(uploads: Sequence[Upload], rows: Rows) -> None:
    """Make rows of the readings, those of reports whose answers have to wait included."""
    named = {
        (upload.trial_id, reading.device_id)
        for upload in uploads
        for reading in upload.readings
        if reading.device_id
    }
    devices: dict[tuple[UUID, str], UUID] = {}
    if named:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT d.trial_id, d.identifier, d.id FROM patients_device d "
                "JOIN unnest(%s::uuid[], %s::text[]) AS k(trial, identifier) "
                "ON d.trial_id = k.trial AND d.identifier = k.identifier",
                [[trial for trial, _name in named], [name for _trial, name in named]],
            )
            devices = {(trial, name): key for trial, name, key in cursor.fetchall()}
    for upload in uploads:
        readings_of(upload, devices, rows)


def _write_readings(uploads: Sequence[Upload], rows: Rows, at: datetime) -> list[Any]:
    """Write the readings and return those that are new as rules see them."""
    written = insert_rows(
        VitalSign,
        _READING_COLUMNS,
        _at(rows.readings, at),
        on_conflict=_ONCE,
        returning=("id",),
    )
    new = {key for (key,) in written}
    by_id = {upload.id: upload for upload in uploads}
    observed = (
        observed_reading(by_id[row["report_id"] or row["vitals_upload_id"]], row)
        for row in rows.readings
        if row["id"] in new
    )
    return [one for one in observed if one is not None]


def _at(rows: list[dict[str, Any]], at: datetime) -> list[dict[str, Any]]:
    for row in rows:
        row["created_at"] = at
    return rows
