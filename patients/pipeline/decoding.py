"""From the bytes of an upload to answers and readings, as they were sent."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.utils.translation import gettext as _
from msgspec import UNSET, Raw, Struct, UnsetType

from portal.core.errors import DomainError


class CannotProcess(DomainError):
    """The upload cannot be processed; its reason is for a coordinator to read."""

    code = "cannot_process"


class Reading(Struct, gc=False):
    """One reading of a body; intake has checked its form."""

    code: str
    measured_at: datetime
    value: Raw | UnsetType = UNSET
    unit: str | None = None
    reading_id: str | None = None
    comparator: str | None = None
    panel: str | None = None
    position: str | None = None
    body_site: str | None = None
    laterality: str | None = None
    method: str | None = None
    timepoint: str | None = None
    elapsed: str | None = None
    repeat: str | int | None = None
    fasting: str | None = None
    device_id: str | None = None
    originator: str | None = None
    status: str | None = None
    not_done_reason: str | None = None


class ReportBody(Struct, gc=False):
    """What the pipeline reads of a diary report."""

    answers: dict[str, Any]
    missing: dict[str, str] | None = None
    vitals: list[Reading] | None = None
    device_id: str | None = None


class UploadBody(Struct, gc=False):
    """What the pipeline reads of an upload of readings."""

    readings: list[Reading]
    patient: str | None = None


_report = msgspec.json.Decoder(ReportBody, float_hook=Decimal).decode
_upload = msgspec.json.Decoder(UploadBody).decode


@dataclass(slots=True)
class Upload:
    """One stored upload with what stands beside it; `body` is filled by `decode`."""

    id: UUID
    resource: str
    patient_id: UUID
    trial_id: UUID
    site_id: UUID
    authored_at: datetime
    received_at: datetime
    raw: bytes
    foreign_readings: tuple[int, ...]
    protocol_version_id: UUID | None = None
    instrument_id: UUID | None = None
    instrument_name: tuple[str, str] = ("", "")
    assignment_id: UUID | None = None
    device_id: UUID | None = None
    originator: str = "participant"
    time_zone: str = ""
    age_years: Decimal | None = None
    disposition: str = ""
    attempts: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    names_patient: bool = True
    problem: str = ""


def decode(upload: Upload) -> None:
    """Read the body into `upload`. Raises: CannotProcess."""
    try:
        if upload.resource == "epro_report":
            report = _report(upload.raw)
            upload.answers, upload.missing = report.answers, report.missing or {}
            upload.readings = report.vitals or []
        else:
            body = _upload(upload.raw)
            upload.readings, upload.names_patient = body.readings, bool(body.patient)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CannotProcess(
            _("The original cannot be read (%(error)s). It is kept; the operators can repair it.")
            % {"error": error}
        ) from None
    if b"\\u0000" in upload.raw:
        upload.answers = {_text(item): _clean(value) for item, value in upload.answers.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    return [_clean(part) for part in value] if isinstance(value, list) else value


def _text(value: str) -> str:
    """PostgreSQL stores every character but this one; the original keeps it."""
    return value.replace("\x00", "\ufffd")


def value_text(raw: Raw | UnsetType) -> str | None:
    """Return the digits or the word of a reading's value; a JSON text without its quotes."""
    if raw is UNSET:
        return None
    text = bytes(raw).decode()
    if text == "null":
        return None
    return str(msgspec.json.decode(text)) if text[:1] == '"' else text


@lru_cache(maxsize=1024)
def known_zone(name: str) -> str:
    """Return an IANA zone that exists, or "" for what a phone made up."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError of its own
        return ""
    except KeyError:
        return ""
    return name
