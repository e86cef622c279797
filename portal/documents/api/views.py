"""reports/: asking, following, canceling, fetching."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.services.sessions import Authenticated
from portal.api.etags import etag_of
from portal.api.permissions import Open, Requirement
from portal.api.reasons import OnlyReasonSerializer, ReasonMissing
from portal.api.streams import streamed
from portal.api.trail_export import OwnFormat
from portal.api.views import ListMixin, PortalView, RetrieveMixin, ScopedViewSet, find, person
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core import clock
from portal.core.errors import NotPermitted
from portal.documents.api.serializers import (
    AskSerializer,
    ReportDetailSerializer,
    ReportSerializer,
)
from portal.documents.events import COLUMNS, CONTENT_TYPE, line_of, opening, seen_by_client
from portal.documents.models import Report, ReportProgress
from portal.documents.selectors import may_cancel, reports_seen_by, with_progress
from portal.documents.services.reports import (
    ask_for_report,
    cancel_report,
    fetch_file,
    usable_upload,
)
from portal.documents.streams import SCOPE_KEY, Stream


def ask(call: Call) -> Report:
    """Queue a report."""
    parameters = dict(call.body["parameters"])
    named = parameters.pop("upload", None)
    upload = named and usable_upload(upload=named, by=call.by, at=call.at)
    return ask_for_report(
        kind=call.body["kind"],
        parameters=parameters,
        upload=upload,
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def cancel(call: Call) -> Report:
    """Cancel one's own report, or with a reason somebody else's."""
    if not may_cancel(call.by, call.record):
        raise NotPermitted()
    if call.record.requested_by_id != call.by.pk and not call.reason:
        raise ReasonMissing()
    return cancel_report(report=call.record, by=call.by, at=call.at, reason=call.reason)


class ReportViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """reports/: one's own, and everybody's for those who look after them."""

    queryset = with_progress(Report.objects.all())
    serializer_class = ReportSerializer
    detail_serializer_class = ReportDetailSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Open.SIGNED_IN,
        "retrieve": Open.SIGNED_IN,
        "create": Open.SIGNED_IN,
        "cancel": Open.SIGNED_IN,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=AskSerializer, perform=ask, on=On.NOTHING, status=202),
        "cancel": Write(form=OnlyReasonSerializer, perform=cancel),
    }

    def get_queryset(self) -> QuerySet[Any]:
        """Return the reports that the caller sees."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return with_progress(reports_seen_by(person(self.request)))

    def seen(self, write: Write) -> QuerySet[Any]:
        """Return the reports that the caller may know of."""
        return reports_seen_by(person(self.request))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the report; while it is at work, its progress changes under one version."""
        report = self.get_object()
        if report.is_open:
            headers = {"ETag": etag_of(report)}
            return Response(self.get_serializer(report).data, headers=headers)
        return super().retrieve(request, *args, **kwargs)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for a report.

        It is made in the background: follow it at `reports/{id}/events/` or on the topic
        `report.{id}`. Each kind has a permission of its own.
        """
        return self.write()

    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Cancel a report: at once while it waits, before its next step while it runs."""
        return self.write()


class ReportFileView(PortalView):
    """GET reports/{id}/file/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.SIGNED_IN}

    @extend_schema(
        operation_id="report_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 409: None},
    )
    def get(self, request: Request, pk: Any) -> StreamingHttpResponse:
        """Fetch the file of a finished report, for a day after it was made.

        Only the one who asked for it may, and only while they may read everything in it. Each
        fetch is recorded. `Repr-Digest` is its SHA-256.
        """
        user, at = person(request), clock.now()
        report = find(reports_seen_by(user), pk)
        parts = fetch_file(report=report, by=user, at=at)
        assert report.finished_at is not None
        name = f"{report.kind}-{report.finished_at:%Y%m%dT%H%M%SZ}.{report.extension}"
        answer = streamed(request, parts, content_type=report.content_type, file_name=name)
        answer["Content-Length"] = str(report.size)
        answer["Repr-Digest"] = f"sha-256=:{_base64(report.sha256)}:"
        return answer


def _base64(digest: str) -> str:
    return b64encode(bytes.fromhex(digest)).decode()


class ReportEventsView(PortalView):
    """GET reports/{id}/events/."""

    content_negotiation_class = OwnFormat
    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.SIGNED_IN}

    @extend_schema(
        operation_id="report_events",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                int,
                OpenApiParameter.HEADER,
                description="The id of the last event that was seen: the stream goes on after it.",
            )
        ],
        responses={(200, CONTENT_TYPE): OpenApiTypes.STR, 204: None},
    )
    def get(self, request: Request, pk: Any) -> HttpResponse:
        """Follow a report as server-sent events.

        `started`, `step`, `percent`, `finished`, `failed`, `canceled`, each with its id; the stream
        ends after one of the last three. 204 says that there is nothing more to come.
        """
        user = person(request)
        report = find(reports_seen_by(user), pk)
        after = seen_by_client(request.META)
        rows = ReportProgress.objects.filter(report=report, number__gt=after).order_by("number")
        lines = [line_of(row) for row in rows.values_list(*COLUMNS)]
        if not report.is_open and not lines:
            return HttpResponse(status=204)
        stream: Stream | None = getattr(request._request, "scope", {}).get(SCOPE_KEY)
        if stream is not None and not (lines and lines[-1].is_last):
            assert isinstance(request.auth, Authenticated)
            stream.person, stream.session = user.pk, request.auth.session.pk
            stream.seen = lines[-1].number if lines else after
            stream.report = report.pk
        return HttpResponse(opening(lines, report.pk), content_type=CONTENT_TYPE)
