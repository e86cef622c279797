"""From the bytes of a body to what is written of it; whatever is refused is explained.

The fast way only says yes. Whatever it is not sure of is read again by the guarded parser of the
rest of the API, and what is wrong is said by the documented serializers: same codes, same words.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import astuple

from patients.intake import rows, schema
from patients.intake.readings import form_of, is_ahead, warnings_of
from patients.vocabulary import UploadResource
from portal.api.errors import MalformedBody
from portal.api.parsers import loads

_SPACED_NAME = re.compile(rb'"[ \t\r\n]+:').search
_PLAIN_NUMBER = re.compile(rb"-?[0-9.]{1,%d}" % schema.LONGEST_NUMBER).fullmatch
_WORDS = (b"true", b"false", b"null")
Warnings = tuple[tuple[str, str], ...]
_NO_ANSWERS: Mapping[str, Any] = MappingProxyType({})


class DeviceReading(Struct, gc=False):
    """A reading that names a device; `is_own` if the reading itself names it."""

    index: int
    identifier: str
    is_own: bool
    measured_at: datetime
    raw: bytes


class Upload(Struct, gc=False):
    """One report, or one upload of readings, ready to be written.

    `fields` is what a report brings besides what every upload does (patients.intake.statement).
    `patient` is empty for a bedside gateway, whose readings name their devices. `key` is patient
    and submission, as fields of what is written: the same ids give the same key.
    """

    resource: UploadResource
    patient: str
    submission_id: str
    key: bytes
    raw: bytes
    digest: bytes
    received_at: datetime
    authored_at: datetime
    fields: bytes
    warnings: Warnings = ()
    device_readings: Sequence[DeviceReading] = ()
    names_device: bool = False
    measured: Sequence[datetime] = ()
    # What tells the lane.
    instrument: tuple[str, str] = ("", "")
    answers: Mapping[str, Any] = _NO_ANSWERS

    def forget_answers(self) -> None:
        """Let go of what told the lane; the less thousands keep that wait, the faster is each."""
        self.instrument, self.answers = ("", ""), _NO_ANSWERS


class Doubt(Exception):
    """The body may have to be refused: patients.intake.refusals looks closely."""


def read_report(body: bytes, received_at: datetime) -> Upload:
    """Return a diary report that is well formed. Raises: Doubt."""
    _check_text(body)
    try:
        return _report(body, schema.decode_report(body), received_at)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Doubt from None


def read_upload(body: bytes, received_at: datetime) -> Upload:
    """Return an upload of readings that is well formed. Raises: Doubt."""
    _check_text(body)
    try:
        return _upload(body, schema.decode_upload(body), received_at)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Doubt from None


def read_batch(body: bytes) -> list[bytes]:
    """Return the bytes of each report of a batch, byte for byte. Raises: Doubt."""
    try:
        reports = [bytes(raw) for raw in schema.decode_batch(body).reports]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Doubt from None
    # The decoder keeps the last of two lists: what was read must be all that there is.
    head = _HEAD(body)
    if head is None:
        raise Doubt
    place = head.end()
    for index, raw in enumerate(reports):
        place = _GAP(body, place).end()  # type: ignore[union-attr]
        if index:
            place = _GAP(body, place + 1).end()  # type: ignore[union-attr]
        if not body.startswith(raw, place):
            raise Doubt
        place += len(raw)
    if _TAIL(body, place) is None:
        raise Doubt
    return reports


_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"reports"[ \t\r\n]*:[ \t\r\n]*\[').match
_GAP = re.compile(rb"[ \t\r\n]*").match
_TAIL = re.compile(rb"[ \t\r\n]*\][ \t\r\n]*\}[ \t\r\n]*\Z").match


def _check_text(body: bytes) -> None:
    """Doubt what JSON can say and text cannot hold: NUL, half a surrogate pair, other encodings."""
    if b"\\" in body and b"\\u" in body:
        _look_again(body)
    elif not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            raise Doubt from None


def _look_again(body: bytes) -> None:
    try:
        loads(body)
    except MalformedBody:
        raise Doubt from None


def _check_names(body: bytes, counted: int) -> None:
    """Refuse an object that names a member twice: the fast way keeps the last one only.

    Every name is followed by a colon. If the colons behind quotes are as many as the members that
    were read, nothing was dropped; text that looks like a name only makes it look again.
    """
    if body.count(b'":') != counted or _SPACED_NAME(body):
        _look_again(body)


def _check_scalar(raw: Any) -> None:
    """Doubt a value that is no number, text, truth or short list of them."""
    value = bytes(raw)
    first = value[:1]
    if first == b'"':
        if len(value) > schema.LONGEST_ANSWER:
            raise Doubt
    elif not (value.isdigit() and len(value) <= schema.LONGEST_NUMBER) and not (
        _PLAIN_NUMBER(value) or value in _WORDS
    ):
        if first == b"{":
            raise Doubt
        try:
            parts = loads(value)
        except MalformedBody:
            raise Doubt from None
        if isinstance(parts, list):
            is_flat = all(not isinstance(part, list | dict) for part in parts)
            if not is_flat or len(value) > schema.LONGEST_ANSWER:
                raise Doubt


def _check_instant(at: datetime, received_at: datetime) -> None:
    if not schema.EARLIEST_INSTANT <= at <= received_at + schema.LATEST_AHEAD:
        raise Doubt


def value_text(raw: bytes) -> str:
    """Return the digits or the word of a reading's value; a JSON text without its quotes."""
    return str(schema.decode_any(raw)) if raw[:1] == b'"' else raw.decode()


class _Readings(Struct):
    """What was found of the readings of one body."""

    names: int = 0
    warnings: list[tuple[str, str]] = []
    devices: list[DeviceReading] = []
    measured: list[datetime] = []


def _readings(raws: Sequence[Any], place: str, device: str, received_at: datetime) -> _Readings:
    found = _Readings()
    for index, raw in enumerate(raws):
        reading = schema.decode_reading(raw)
        found.names += schema.names_in(astuple(reading))
        value = None if reading.value is UNSET else bytes(reading.value)
        if value == b"null":
            value = None
        if value is not None and value[:1] in b"[{":
            raise Doubt
        form = form_of(
            reading.code,
            None if value is None else value_text(value),
            reading.unit or "",
            reading.comparator or "",
            bool(reading.not_done_reason),
        )
        if form.code:
            raise Doubt
        measured_at = reading.measured_at
        _check_instant(measured_at, received_at)
        found.measured.append(measured_at)
        if form.is_implausible or is_ahead(measured_at, received_at):
            found.warnings += warnings_of(f"{place}/{index}", form, measured_at, received_at)
        own = reading.device_id or ""
        if own or device:
            found.devices.append(
                DeviceReading(index, own or device, bool(own), measured_at, bytes(raw))
            )
    return found


def _report(body: bytes, report: schema.EproReport, received_at: datetime) -> Upload:
    values = astuple(report)
    names = schema.names_in(values)
    for item in report.answers.values():
        _check_scalar(item)
    names += len(report.answers) + (len(report.missing) if report.missing else 0)
    for edit in report.edits or ():
        names += schema.names_in(astuple(edit))
        _check_instant(edit.at, received_at)
        for change in (edit.from_, edit.to):
            if change is not UNSET:
                _check_scalar(change)
    for at in (report.authored_at, report.started_at, report.completed_at, report.saved_at):
        if at:
            _check_instant(at, received_at)
    originator = report.originator or "participant"
    if originator not in schema.SPEAKS_FOR_ITSELF and not report.originator_reason:
        raise Doubt
    device = report.device_id or ""
    found = _readings(report.vitals or (), "/vitals", device, received_at)
    _check_names(body, names + found.names)
    warnings = found.warnings
    if is_ahead(report.authored_at, received_at):
        warnings = [("/authored_at", "clock_suspect"), *warnings]
    digest = hashlib.sha256(body)
    return Upload(
        resource=UploadResource.EPRO_REPORT,
        patient=report.patient,
        submission_id=report.submission_id,
        key=_id(report.patient) + _id(report.submission_id),
        raw=body,
        digest=digest.digest(),
        received_at=received_at,
        authored_at=report.authored_at,
        fields=_fields_of(report, originator, device),
        warnings=tuple(warnings),
        device_readings=found.devices or (),
        names_device=bool(device or found.devices),
        instrument=(report.instrument, report.instrument_version),
        answers=report.answers,
    )


def _fields_of(report: schema.EproReport, originator: str, device: str) -> bytes:
    offset, person, reason = (
        report.device_clock_offset_ms,
        report.originator_person,
        report.originator_reason,
    )
    return b"".join(
        (
            _known(report.instrument),
            _known(report.instrument_version),
            _known(report.language or ""),
            _instant(report.started_at),
            _instant(report.completed_at),
            _instant(report.saved_at),
            _known(report.time_zone or ""),
            rows.number(None if offset is UNSET else offset),
            _known(report.app_version or ""),
            _known(device),
            _id(report.assignment_id) if report.assignment_id else _NO_ID,
            _known(originator),
            rows.text(person) if person else _NO_TEXT,
            rows.text(reason) if reason else _NO_TEXT,
            rows.json(_edits(report)) if report.edits else _NO_EDITS,
        )
    )


def _id(value: str) -> bytes:
    """Return the field of an id of 36 characters. Raises: Doubt, if they are not a UUID's."""
    try:
        field = rows.uuid(value)
    except ValueError:
        raise Doubt from None
    # The decoder of digits passes over blanks; and four dashes may stand anywhere.
    if len(field) != rows.ID_LENGTH or value[8:24:5] != "----":
        raise Doubt
    return field


def _instant(at: Any) -> bytes:
    return rows.instant(at) if at else rows.NO_INSTANT


def _edits(report: schema.EproReport) -> str:
    return msgspec.json.encode(report.edits).decode()


def _upload(body: bytes, upload: schema.VitalsUpload, received_at: datetime) -> Upload:
    found = _readings(upload.readings, "/readings", "", received_at)
    _check_names(body, schema.names_in(astuple(upload)) + found.names)
    if not upload.patient and len(found.devices) != len(upload.readings):
        raise Doubt
    return Upload(
        resource=UploadResource.VITALS_UPLOAD,
        patient=upload.patient or "",
        submission_id=upload.submission_id,
        key=(_id(upload.patient) if upload.patient else b"") + _id(upload.submission_id),
        raw=body,
        digest=hashlib.sha256(body).digest(),
        received_at=received_at,
        authored_at=min(found.measured),
        fields=b"",
        warnings=tuple(found.warnings),
        device_readings=found.devices,
        names_device=bool(found.devices),
        measured=found.measured,
    )


# Codes, versions, zones and devices: the same few thousand over and over.
_known = lru_cache(maxsize=8192)(rows.text)
_NO_TEXT, _NO_EDITS, _NO_ID = rows.text(""), rows.json("[]"), rows.uuid(None)
