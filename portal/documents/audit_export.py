"""The kind `audit_export`: the whole trail of what somebody may read, as a file with its digest."""

from contextlib import closing
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from portal.access.permissions import Permission
from portal.access.trail_rows import COLUMNS, is_unblinding_to, trail_rows
from portal.api.fields import StrictSerializer
from portal.audit.export_file import Form, Sealer
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.history import TRACKED
from portal.documents.kinds import ReportKind, offer
from portal.documents.work import Work

_TYPES = {Form.NDJSON: "application/x-ndjson", Form.CSV: "text/csv; charset=utf-8"}


class AuditExportSerializer(StrictSerializer):
    """How the trail is written down."""

    format = serializers.ChoiceField(
        choices=[form.value for form in Form], default=Form.NDJSON.value
    )


def export_trail(work: Work) -> None:
    """Write every act and every change in scope, then how many rows and the digest of them all."""
    form = Form(work.parameters.get("format", Form.NDJSON.value))
    about: dict[str, Any] = {"by": work.user, "at": clock.now(), "record_id": work.report.pk}
    if is_unblinding_to(work.user):
        record(Action.UNBLINDED, resource="report", **about)
    work.step("counting")
    total = _estimate()
    sealer = Sealer(form, COLUMNS)
    work.step("writing")
    with (
        work.writing(form.value, _TYPES[form]) as output,
        closing(trail_rows(work.user)) as rows,  # type: ignore[type-var]
    ):
        for part in sealer.parts(rows):
            output.write(part)
            work.advance(sealer.rows, total)


def _estimate() -> int:
    """Return about how many rows the trail has; what a reader gets of them is not known before."""
    tables = [table._meta.db_table for table in TRACKED.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relname = ANY(%s)",
            [[*tables, "audit_auditentry"]],
        )
        row = cursor.fetchone()
    return max(1, int(row[0]) if row else 1)


offer(
    ReportKind(
        code="audit_export",
        title=_("Audit trail"),
        permission=Permission.AUDIT_ENTRY_VIEW,
        form=AuditExportSerializer,
        make=export_trail,
        steps={"counting": _("counting the rows"), "writing": _("writing the rows")},
        reads=frozenset(permission for permission in Permission if permission.is_read),
    )
)
