"""What became of an upload: one row each, written with the effects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from patients.models import ReportProcessing
from patients.pipeline import PIPELINE_VERSION, REASON
from patients.pipeline.decoding import Upload
from patients.vocabulary import ReportStatus
from portal.core.history import Source, acting
from portal.core.ids import PIPELINE_ACCOUNT, uuid7
from portal.core.rows import insert_rows

_COLUMNS = (
    "id",
    "created_at",
    "patient_id",
    "trial_id",
    "site_id",
    "report_id",
    "vitals_upload_id",
    "status",
    "attempts",
    "last_error",
    "processed_at",
    "pipeline_version",
)
_AGAIN = (
    "DO UPDATE SET status = EXCLUDED.status, "
    "attempts = patients_reportprocessing.attempts + 1, last_error = EXCLUDED.last_error, "
    "processed_at = EXCLUDED.processed_at, pipeline_version = EXCLUDED.pipeline_version "
    # What is done stays done, whatever became of another message about it.
    "WHERE patients_reportprocessing.status <> 'processed'"
)


def write(uploads: Sequence[Upload], at: datetime) -> None:
    """Say of each upload that it is processed, or why it could not be. One resource at a time."""
    rows = [
        {
            **_row(upload.resource, upload.id, at),
            "patient_id": upload.patient_id,
            "trial_id": upload.trial_id,
            "site_id": upload.site_id,
            "status": (ReportStatus.FAILED if upload.problem else ReportStatus.PROCESSED).value,
            "last_error": upload.problem,
            "processed_at": None if upload.problem else at,
        }
        for upload in uploads
    ]
    _upsert(uploads[0].resource, rows)


def fail(resource: str, *, patient: UUID, upload: UUID, reason: str) -> None:
    """Say of one upload, in a transaction of its own, why it could not be processed."""
    with acting(by=PIPELINE_ACCOUNT, reason=REASON, source=Source.TASK):
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            at: datetime = cursor.fetchone()[0]
        row = {"patient_id": patient, "last_error": reason, "status": ReportStatus.FAILED.value}
        _upsert(resource, [{**_row(resource, upload, at), **row, "processed_at": None}])


def _row(resource: str, upload: UUID, at: datetime) -> dict[str, Any]:
    is_report = resource == "epro_report"
    return {
        "id": uuid7(at),
        "created_at": at,
        "report_id": upload if is_report else None,
        "vitals_upload_id": None if is_report else upload,
        "attempts": 1,
        "pipeline_version": PIPELINE_VERSION,
    }


def _upsert(resource: str, rows: Sequence[dict[str, Any]]) -> None:
    key = "(report_id)" if resource == "epro_report" else "(vitals_upload_id)"
    insert_rows(ReportProcessing, _COLUMNS, rows, on_conflict=f"ON CONFLICT {key} {_AGAIN}")
