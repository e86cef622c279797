"""The same upload path through Django, for the document and for servers without the ASGI mount.

One request, one statement on Django's own connection: the story that the committer tells in groups.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from patients.intake import serializers, status
from patients.intake.answers import Answer
from patients.intake.asked import Asked
from patients.intake.instruments import SQL, Instruments
from patients.intake.jobs import Job
from patients.intake.limits import Pace
from patients.intake.lines import tell_at_once
from patients.intake.reception import (
    Route,
    answer_to,
    bearer_from,
    enter,
    is_too_large,
    open_jobs,
    request_id_of,
    too_large,
)
from patients.intake.writing import write
from patients.vocabulary import UploadResource
from portal.accounts.services.tokens import TokenType
from portal.api.permissions import Open, Requirement
from portal.api.views import PortalView
from portal.core import clock
from portal.core.history import Source, acting
from portal.core.ids import INTAKE_ACCOUNT
from portal.outbox.kinds import Lane

_PACE = Pace()


class IntakeView(PortalView):
    """An address of the upload path; identity is judged in its statement once more."""

    token_types = (TokenType.ACCESS, TokenType.DEVICE)
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "post": Open.SIGNED_IN,
        "get": Open.SIGNED_IN,
    }


class ReportsView(IntakeView):
    """POST intake/epro-reports/."""

    @extend_schema(
        operation_id="intake_report",
        request=serializers.EproReportSerializer,
        responses={202: serializers.ReceiptSerializer},
    )
    def post(self, request: Request) -> HttpResponse:
        """Upload a diary report.

        Answered when it is on disk. Only its form and the patient refuse it; what is odd about its
        content, its time or its consent is stored, flagged and told. The same `submission_id` with
        the same content gets the same answer again, marked `Idempotency-Replayed: true`.
        """
        return _upload(request._request, Route.REPORT)


class VitalsView(IntakeView):
    """POST intake/vitals/."""

    @extend_schema(
        operation_id="intake_vitals",
        request=serializers.VitalsUploadSerializer,
        responses={202: serializers.ReceiptSerializer},
    )
    def post(self, request: Request) -> HttpResponse:
        """Upload up to 500 readings of a patient, or of the devices of a bedside gateway.

        A reading belongs to whoever held its device when it was taken; one of a device that
        somebody else held is quarantined and warned about.
        """
        return _upload(request._request, Route.VITALS)


class BatchView(IntakeView):
    """POST intake/batch/."""

    @extend_schema(
        operation_id="intake_batch",
        request=serializers.BatchSerializer,
        responses={200: serializers.VerdictsSerializer},
    )
    def post(self, request: Request) -> HttpResponse:
        """Upload up to 500 diary reports kept while offline; each is judged alone, in order."""
        return _upload(request._request, Route.BATCH)


class StatusView(IntakeView):
    """GET of one upload."""

    resource: ClassVar[UploadResource]

    def _tell(self, request: Request, pk: UUID) -> HttpResponse:
        asked, at = _asked(request._request), clock.now()
        record = status.Record(self.resource, str(pk))
        bearer = bearer_from(asked, at)
        with connection.cursor() as cursor:
            cursor.execute(status.statement(self.resource), status.parameters(record, bearer, at))
            row = cursor.fetchone()
        assert row is not None
        return _response(status.told(asked, record, row, request_id_of(asked), bearer))


class ReportStatusView(StatusView):
    """GET intake/epro-reports/{id}/."""

    resource = UploadResource.EPRO_REPORT

    @extend_schema(
        operation_id="intake_report_status", responses={200: serializers.StatusSerializer}
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """How far a diary report has come."""
        return self._tell(request, pk)


class VitalsStatusView(StatusView):
    """GET intake/vitals/{id}/."""

    resource = UploadResource.VITALS_UPLOAD

    @extend_schema(
        operation_id="intake_vitals_status", responses={200: serializers.StatusSerializer}
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """How far an upload of readings has come."""
        return self._tell(request, pk)


def _upload(request: HttpRequest, route: Route) -> HttpResponse:
    asked = _asked(request)
    visit = enter(asked, route, _PACE, clock.now())
    if isinstance(visit, Answer):
        return _response(visit)
    if is_too_large(asked):
        jobs = open_jobs(visit, None, too_large())
    else:
        body = request.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        is_whole = len(body) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        jobs = open_jobs(visit, body if is_whole else None, None if is_whole else too_large())
    _write(jobs)
    return _response(answer_to(visit, jobs))


def _write(jobs: Sequence[Job]) -> None:
    """Tell the story on Django's connection. Raises: DatabaseError."""
    instruments = Instruments()
    with acting(by=INTAKE_ACCOUNT, source=Source.INTAKE), connection.cursor() as cursor:
        cursor.execute(SQL)
        instruments.learn(cursor.fetchall())
        lanes: dict[Lane, list[Job]] = {}
        for job in jobs:
            lane = Lane.ORDINARY if job.upload is None else instruments.lane_of(job.upload)
            lanes.setdefault(lane, []).append(job)
        with connection.wrap_database_errors:
            for lane, queued in lanes.items():
                tell_at_once(connection.connection, write(queued, lane))


def _asked(request: HttpRequest) -> Asked:
    headers: dict[bytes, bytes] = {
        name.lower().encode("latin-1"): value.encode("latin-1", "replace")
        for name, value in request.headers.items()
    }
    return Asked(
        request.method or "",
        request.path,
        request.META.get("QUERY_STRING", ""),
        headers,
        request.is_secure(),
    )


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers:
        response[name.decode()] = value.decode("latin-1")
    return response
