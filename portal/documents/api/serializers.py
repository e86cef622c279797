"""The JSON of reports, and the body that asks for one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import StrictCharField, StrictSerializer
from portal.api.serializers import DetailMixin, RecordSerializer, ReferenceField
from portal.core import clock
from portal.documents.kinds import UnknownKind, find_kind
from portal.documents.selectors import may_cancel, may_fetch
from portal.documents.vocabulary import ReportState


class ReportSerializer(RecordSerializer):
    """A report: what was asked for, how far it is, and what came of it."""

    columns_of: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "failure": ("failure",),
        "percent": ("percent",),
        "sha256": ("sha256",),
        "failure_code": ("failure_code",),
        "step": ("step",),
    }

    kind = serializers.CharField()
    parameters = serializers.DictField()
    requested_by = ReferenceField("requested_by")
    trial = serializers.UUIDField(source="trial_id", allow_null=True)
    upload = ReferenceField("upload", allow_null=True)
    state = serializers.ChoiceField(choices=ReportState.choices)
    percent = serializers.SerializerMethodField()
    step = serializers.SerializerMethodField()
    attempts = serializers.IntegerField(min_value=0)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    failure_code = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    sha256 = serializers.SerializerMethodField()
    size = serializers.IntegerField(allow_null=True, min_value=0)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when the file can be fetched."
    )
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_by = ReferenceField("cancel_requested_by", allow_null=True)

    @extend_schema_field({"type": "integer", "minimum": 0, "maximum": 100})
    def get_percent(self, row: Any) -> int:
        """Return how much is done; nothing of what waits."""
        return row.percent or 0

    @extend_schema_field({"type": "string", "nullable": True})
    def get_step(self, row: Any) -> str | None:
        """Return what is being done, or was last."""
        return row.step or None

    @extend_schema_field({"type": "string", "nullable": True})
    def get_failure_code(self, row: Any) -> str | None:
        """Return the stable word for why it failed."""
        return row.failure_code or None

    @extend_schema_field({"type": "string", "nullable": True})
    def get_sha256(self, row: Any) -> str | None:
        """Return the digest of the file."""
        return row.sha256 or None

    @extend_schema_field({"type": "string", "nullable": True})
    def get_failure(self, row: Any) -> str | None:
        """Return why it failed, in the reader's language."""
        return gettext(row.failure) if row.failure else None


class ReportDetailSerializer(ReportSerializer, DetailMixin):
    """A single report, and what the reader may do with it."""

    def get_allowed_actions(self, record: Any) -> list[str]:
        """Return `cancel` and `file` where they are open to the reader."""
        user = self.context["request"].user
        offered = {
            "cancel": record.is_open and may_cancel(user, record),
            "file": may_fetch(user, record, clock.now()),
        }
        return [name for name, is_offered in offered.items() if is_offered]


class AskSerializer(StrictSerializer):
    """What is asked for."""

    kind = StrictCharField(
        max_length=40, help_text="`audit_export`, `sdtm_import`, and what else is offered."
    )
    parameters = serializers.DictField(
        required=False,
        help_text="As the kind takes them: audit_export `{format}`; sdtm_import `{upload, "
        "trial_number, sponsor_name, time_zone, is_unblinded, is_dry_run}`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the parameters by the kind's own form. Raises: ValidationError."""
        try:
            kind = find_kind(attrs["kind"])
        except UnknownKind as error:
            raise serializers.ValidationError({"kind": [error.detail]}, code=error.code) from None
        form = kind.form(data=attrs.get("parameters", {}), context=self.context)
        if not form.is_valid():
            raise serializers.ValidationError({"parameters": form.errors})
        return {**attrs, "parameters": dict(form.validated_data)}
