"""GET audit-trail/: the whole trail in the reader's scope, as a file (EMA 6.2.1, EMA-04)."""

from collections.abc import Generator, Mapping
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from portal.access.permissions import Permission
from portal.access.trail_rows import COLUMNS, is_unblinding_to, trail_rows
from portal.accounts.models import User
from portal.api.permissions import Requirement
from portal.api.streams import streamed
from portal.api.views import PortalView, person
from portal.audit.export_file import Form, Sealer
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.history import Circumstances, circumstances

_TYPES: Mapping[Form, str] = {
    Form.NDJSON: "application/x-ndjson",
    Form.CSV: "text/csv; charset=utf-8",
}
RESOURCE = "audit_trail"


class OwnFormat(DefaultContentNegotiation):
    """The file has the form that `format` asks for; a refusal is a problem as ever."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the renderer of refusals."""
        return renderers[0], renderers[0].media_type


class AuditTrailView(PortalView):
    """GET audit-trail/."""

    content_negotiation_class = OwnFormat
    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Permission.AUDIT_ENTRY_VIEW}
    parameters: ClassVar[frozenset[str]] = frozenset({"format"})

    @extend_schema(
        operation_id="audit_trail_export",
        parameters=[OpenApiParameter("format", str, enum=[form.value for form in Form])],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Return every act and every change in scope, with old and new values.

        The last line says how many rows there are and the SHA-256 of all lines before it: a file
        without it was cut off.
        """
        form = _form(request.query_params.get("format") or Form.NDJSON.value)
        user, at = person(request), clock.now()
        if is_unblinding_to(user):
            record(Action.UNBLINDED, by=user, at=at, resource=RESOURCE)
        detail = {"format": form.value}
        begun = record(Action.EXPORTED, by=user, at=at, resource=RESOURCE, detail=detail)
        parts = _export(user, form, begun.pk, circumstances.get())
        name = f"audit-trail-{at:%Y%m%dT%H%M%SZ}.{form.value}"
        return streamed(request, parts, content_type=_TYPES[form], file_name=name)


def _export(
    user: User, form: Form, begun: int, edge: Circumstances
) -> Generator[bytes, None, None]:
    """Yield the file, and record that it was sent to its end: one that was cut off is not."""
    sealer = Sealer(form, COLUMNS)
    rows = trail_rows(user)
    try:
        yield from sealer.parts(rows)
    finally:
        rows.close()  # type: ignore[attr-defined]
    held = circumstances.set(edge)
    try:
        detail = {"begun": begun, "rows": sealer.rows, "sha256": sealer.sha256}
        record(Action.DOWNLOADED, by=user, at=clock.now(), resource=RESOURCE, detail=detail)
    finally:
        circumstances.reset(held)


def _form(text: str) -> Form:
    try:
        return Form(text)
    except ValueError:
        raise ValidationError(
            {"format": [_("Ask for ndjson or csv.")]}, code="unknown_format"
        ) from None
