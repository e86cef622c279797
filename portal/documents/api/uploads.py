"""POST reports/uploads/: a file that a report is to work at, written to disk as it comes."""

import hashlib
import os
from collections.abc import Mapping
from typing import IO, Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.api.errors import MalformedBody
from portal.api.fields import StrictCharField, StrictIntegerField, StrictSerializer
from portal.api.permissions import Requirement
from portal.api.views import ScopedViewSet
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core.ids import uuid7
from portal.documents import store
from portal.documents.models import ReportUpload
from portal.documents.services.reports import keep_upload

_PART = 256 * 1024


class FileParser(BaseParser):
    """Writes a ZIP file beside, and returns its digest and size. Raises: MalformedBody."""

    media_type = "application/zip"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return what makes two uploads the same; where it lies is the view's to know."""
        view = (parser_context or {})["view"]
        view.upload_id = key = uuid7()
        path = store.path_of_upload(key)
        digest, size = hashlib.sha256(), 0
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while part := stream.read(_PART):
                size += len(part)
                if size > settings.IMPORT_MAX_BYTES:
                    break
                digest.update(part)
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if size > settings.IMPORT_MAX_BYTES:
            store.remove(path)
            raise MalformedBody("too_large", _("The file is larger than the portal takes."), 413)
        return {"sha256": digest.hexdigest(), "size": size}


class FileForm(StrictSerializer):
    """What was written down of the file."""

    sha256 = StrictCharField()
    size = StrictIntegerField(min_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Add where it lies."""
        return {**attrs, "upload": self.context["view"].upload_id}


class UploadSerializer(serializers.Serializer[Any]):
    """A file that was sent: name its id in the parameters of a report."""

    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(min_value=1)
    expires_at = serializers.DateTimeField(help_text="Until when it is kept unless it is used.")


def _keep(call: Call) -> ReportUpload:
    return keep_upload(**call.body, by=call.by, at=call.at)


class UploadViewSet(WriteMixin, ScopedViewSet):
    """reports/uploads/."""

    queryset = ReportUpload.objects.all()
    serializer_class = UploadSerializer
    parser_classes = (FileParser,)
    upload_id: UUID
    permissions: ClassVar[Mapping[str, Requirement]] = {"create": Permission.TRIAL_IMPORT}
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=FileForm, perform=_keep, on=On.NOTHING, status=201)
    }

    @extend_schema(
        operation_id="report_upload",
        request={"application/zip": OpenApiTypes.BINARY},
        responses={201: UploadSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a file, as it is, to be worked at by a report; kept for a day."""
        return self.write()
