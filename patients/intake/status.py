"""How far an upload has come: GET intake/epro-reports/{id}/ and intake/vitals/{id}/."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from django.utils import translation
from rest_framework.exceptions import APIException

from patients.intake import answers
from patients.intake.answers import Answer
from patients.intake.asked import Asked
from patients.intake.claims import Bearer
from patients.intake.jobs import Outcome
from patients.intake.judging import COUNTS, held
from patients.intake.reception import (
    PREFIX,
    bearer_from,
    check_form,
    refuse_early,
    request_id_of,
)
from patients.intake.writing import SESSION
from patients.vocabulary import UploadResource
from portal.access.permissions import Permission as P
from portal.api.views import PortalView
from portal.core import clock
from portal.core.errors import DomainError

Ask = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]
_ADDRESS = re.compile(
    PREFIX + r"(epro-reports|vitals)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/"
).fullmatch
_TABLES = {
    UploadResource.EPRO_REPORT: ("patients_eproreport", "report_id", P.EPRO_REPORT_VIEW),
    UploadResource.VITALS_UPLOAD: ("patients_vitalsupload", "vitals_upload_id", P.VITAL_SIGN_VIEW),
}


@dataclass(frozen=True, slots=True)
class Record:
    """Which upload is asked for."""

    resource: UploadResource
    id: str


def record_of(path: str) -> Record | None:
    """Return the upload that an address names."""
    match = _ADDRESS(path)
    if match is None:
        return None
    kinds = {"epro-reports": UploadResource.EPRO_REPORT, "vitals": UploadResource.VITALS_UPLOAD}
    return Record(kinds[match[1]], match[2])


async def tell_status(asked: Asked, record: Record, ask: Ask) -> Answer:
    """Answer how far the upload has come, to those who may know that it exists."""
    request_id, at = request_id_of(asked), clock.now()
    try:
        check_form(asked, ("GET", "HEAD"))
        bearer = bearer_from(asked, at)
        PortalView().check_parameters(asked)  # type: ignore[arg-type]
    except (DomainError, APIException) as error:
        return refuse_early(asked, error, request_id, allow="GET, HEAD")
    try:
        rows = await ask(statement(record.resource), parameters(record, bearer, at))
    except (psycopg.Error, OSError, TimeoutError):
        return _refuse(asked, Outcome("unavailable"), request_id, bearer)
    return told(asked, record, rows[0], request_id, bearer)


def told(
    asked: Asked, record: Record, row: Sequence[Any], request_id: str, bearer: Bearer
) -> Answer:
    """Return the answer to the one row of `statement`."""
    verdict, is_staff, submission, state, disposition, received_at, tries, error, alerts = row
    if verdict in SESSION or verdict != "ok" or submission is None:
        code = verdict if verdict in SESSION else "not_found"
        return _refuse(asked, Outcome(code), request_id, bearer)
    body: dict[str, Any] = {
        "id": record.id,
        "submission_id": submission,
        "status": state,
        "disposition": disposition,
        "received_at": answers.utc(received_at),
    }
    if is_staff:
        body |= {"attempts": tries, "last_error": error, "alerts": alerts}
    return answers.tell(200, body, asked, request_id, bearer)


def _refuse(asked: Asked, outcome: Outcome, request_id: str, bearer: Bearer) -> Answer:
    with translation.override(asked.language):
        problem = answers.problem_for(outcome)
    return answers.refuse(problem, asked, request_id=request_id, bearer=bearer)


def parameters(record: Record, bearer: Bearer, at: Any) -> Sequence[Any]:
    """Return the parameters of `statement`."""
    return [record.id, bearer.user, bearer.session, bearer.is_device, at]


@cache
def statement(resource: UploadResource) -> str:
    """Return the statement that judges who asks and reads the status, one row in any case."""
    table, reference, view = _TABLES[resource]
    return f"""WITH i AS MATERIALIZED (
    SELECT %s::uuid AS id, %s::uuid AS person, %s::uuid AS session, %s::bool AS is_device,
        %s::timestamptz AS received_at
)
SELECT {COUNTS}
        WHEN i.is_device AND (s.patient_id = coalesce(t.patient_id, q.patient_id)
            OR s.site_id = coalesce(t.site_id, q.site_id)) THEN 'ok'
        WHEN NOT i.is_device AND {held(view)} THEN 'ok'
        ELSE 'not_found' END,
    NOT i.is_device AND u.kind <> 'patient',
    coalesce(t.submission_id, q.submission_id)::text,
    CASE WHEN t.id IS NULL THEN 'quarantined' ELSE coalesce(done.status, 'received') END,
    t.disposition, coalesce(t.received_at, q.received_at), coalesce(done.attempts, 0),
    coalesce(done.last_error, ''), coalesce((
        SELECT array_agg(DISTINCT b.alert_id::text) FROM patients_alertbreach b
        WHERE b.upload_id = t.id), '{{}}')
FROM i
LEFT JOIN accounts_session s ON s.id = i.session
LEFT JOIN accounts_user u ON u.id = s.user_id
LEFT JOIN {table} t ON t.id = i.id
LEFT JOIN patients_quarantinedsubmission q ON q.id = i.id AND q.resource = '{resource.value}'
LEFT JOIN patients_reportprocessing done ON done.{reference} = t.id
LEFT JOIN patients_patient p ON p.id = coalesce(t.patient_id, q.patient_id)
LEFT JOIN LATERAL (SELECT coalesce(t.site_id, q.site_id) AS site_id) stay ON true"""  # noqa: S608
