"""JSON out: plain, and in the envelope of mini-programs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

from portal.api.problems import ENVELOPE_TYPE, envelope
from portal.core.partial_dates import PartialDateTime

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class JSONRenderer(BaseRenderer):
    """UTF-8 JSON; instants in UTC with a Z, decimals with every digit."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the bytes of the answer; no data gives no bytes."""
        return b"" if data is None else orjson.dumps(data, default=_plain, option=_OPTIONS)


class EnvelopeRenderer(JSONRenderer):
    """The same body inside `{"code", "message", "data"}`."""

    media_type = ENVELOPE_TYPE
    format = "envelope"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the enveloped bytes, those of an answer without content too."""
        response = (renderer_context or {}).get("response")
        status = response.status_code if response is not None else 200
        if status in (204, 304):
            return b""
        return super().render(envelope(data, status))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # A fragment keeps the digits as they are: 37.50 stays 37.50.
        return orjson.Fragment(format(value, "f").encode())
    if isinstance(value, PartialDateTime | Promise):
        return str(value)
    raise TypeError(type(value).__name__)
