"""Why a value is changed: the `change_reason` of the body, or `X-Change-Reason`."""

from typing import Any
from urllib.parse import unquote_to_bytes

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from portal.api.fields import StrictCharField, StrictSerializer
from portal.core.errors import FieldError, InvalidInput

FIELD = "change_reason"
HEADER = "X-Change-Reason"
_META = "HTTP_X_CHANGE_REASON"
LONGEST = 500


class ReasonMissing(InvalidInput):
    """Say why: send X-Change-Reason or change_reason."""

    code = "change_reason_required"


class MalformedReason(InvalidInput):
    """X-Change-Reason is a line of at most 500 characters in UTF-8, percent-encoded if need be."""

    code = "change_reason_invalid"


class ReasonedSerializer(StrictSerializer):
    """A body that may say why."""

    change_reason = StrictCharField(
        max_length=LONGEST,
        required=False,
        help_text=_("Why the value is changed; X-Change-Reason says the same."),
    )


class OnlyReasonSerializer(ReasonedSerializer):
    """An action that needs nothing but, perhaps, a reason."""


def reason_of(request: Request, body: dict[str, Any], *, is_required: bool) -> str:
    """Return the reason, taken out of the body or else from the header.

    Raises: ReasonMissing, MalformedReason.
    """
    reason = str(body.pop(FIELD, "")).strip() or _from_header(request)
    if is_required and not reason:
        missing = str(serializers.Field.default_error_messages["required"])
        raise ReasonMissing(errors=(FieldError(f"/{FIELD}", ReasonMissing.code, missing),))
    return reason


def _from_header(request: Request) -> str:
    # The server hands header bytes on as Latin-1; a percent sign that encodes nothing stays.
    raw = request.META.get(_META, "").encode("latin-1", "replace")
    try:
        reason = unquote_to_bytes(raw).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise MalformedReason() from None
    if len(reason) > LONGEST or any(ord(c) < 32 or ord(c) == 127 for c in reason):
        raise MalformedReason()
    return reason
