"""The fast reading and the documented serializers accept and refuse the same bodies."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from patients.intake.bodies import Doubt, read_batch, read_report, read_upload
from patients.intake.refusals import explain
from patients.intake.serializers import EproReportSerializer, VitalsUploadSerializer
from patients.vocabulary import UploadResource
from portal.api.errors import MalformedBody
from portal.api.parsers import loads
from portal.core import clock

PATIENT = "01890000-0000-7000-8000-000000000001"
READING = {
    "code": "temperature",
    "value": "37.50",
    "unit": "Cel",
    "measured_at": "2026-11-20T07:58:00+08:00",
}
REPORT = {
    "submission_id": "01890000-0000-7000-8000-0000000000aa",
    "patient": PATIENT,
    "instrument": "daily-diary",
    "instrument_version": "1.0",
    "authored_at": "2026-11-20T08:00:03+08:00",
    "answers": {"pain": 3, "ok": True, "note": "felt dizzy", "many": ["a", 1]},
    "vitals": [READING],
}
NAMES = (*REPORT, "device_id", "originator", "started_at", "completed_at", "saved_at", "time_zone",
         "language", "app_version", "device_clock_offset_ms", "assignment_id", "originator_person",
         "originator_reason", "missing", "edits", "unknown")  # fmt: skip
READING_NAMES = (*READING, "reading_id", "comparator", "panel", "position", "body_site",
                 "laterality", "method", "timepoint", "elapsed", "repeat", "fasting", "device_id",
                 "originator", "status", "not_done_reason", "unknown")  # fmt: skip
# Values of every kind, good and bad, for every member.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, 2**70, "", " ", "x", "x" * 21, "x" * 61, "x" * 201, "<", ">",
    "12", "1e5", "NaN", "١٢", "participant", "caregiver", "sitting", "yes", "final",
    "entered_in_error", "P1D", "PT0.5H", "P", "Europe/Paris", "Not a zone", PATIENT,
    PATIENT.upper(), PATIENT.replace("-", ""), PATIENT[:-1], PATIENT[:-1] + "g", PATIENT + "\n",
    PATIENT[1:] + "\n", PATIENT[:-1] + "\u0661", f"{PATIENT[:34]}  ",
    f"{PATIENT[:22]} -{PATIENT[24:]}",
    PATIENT.replace("-", "") + "----", "-" * 36, f"0-1890000{PATIENT[9:]}", f"{{{PATIENT[1:-1]}}}",
    "2026-11-20T08:00:00Z", "2026-11-20T08:00:00",
    "2026-02-30T08:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T23:59:60Z", "0001-01-01T00:00:00Z",
    "9999-12-31T00:00:00Z", "infinity", [], [1], [[1]], {}, {"a": 1}, {"pain": "declined"},
    {"pain": "not_answered"}, {"": 1}, {"x" * 61: 1}, [{"item": "pain", "at": "2026-11-20T08:00:00Z",  # noqa: E501
    "from": 1, "to": 2}], [{"item": "pain"}], [{"item": "pain", "at": "2026-11-20T08:00:00Z",
    "who": 1}], [READING] * 501, {str(n): n for n in range(1001)},
)  # fmt: skip
RAW = (
    b"", b"{", b"[]", b"null", b'"x"', b'{"a":1,"a":1}', b'\xef\xbb\xbf{}', b"{} {}", b"\xff",
    b'{"answers":{"x":"\\u0000"}}', b'{"answers":{"x":"\\ud800"}}', b"[" * 70 + b"]" * 70,
)  # fmt: skip


def _slowly(body: bytes, form: Any, at: datetime) -> bool:
    try:
        value = loads(body)
    except MalformedBody:
        return False
    return bool(form(data=value, context={"received_at": at}).is_valid())


def _quickly(body: bytes, read: Any, at: datetime) -> bool:
    try:
        read(body, at)
    except Doubt:
        return False
    return True


def corpus() -> list[bytes]:
    """Return reports with one member changed at a time, and what is no report at all."""
    bodies = [json.dumps(REPORT).encode(), json.dumps(REPORT, indent=1).encode(), *RAW]
    for name in NAMES:
        bodies += [json.dumps(REPORT | {name: value}).encode() for value in VALUES]
        bodies.append(json.dumps({k: v for k, v in REPORT.items() if k != name}).encode())
    for name in READING_NAMES:
        for value in VALUES[:-2]:
            changed = REPORT | {"vitals": [READING | {name: value}]}
            bodies.append(json.dumps(changed).encode())
        without = {k: v for k, v in READING.items() if k != name}
        bodies.append(json.dumps(REPORT | {"vitals": [without]}).encode())
    text = json.dumps(REPORT)
    for old, new in (
        ('"pain": 3', '"pain": 3, "pain": 3'),
        ('"pain": 3', '"pain" : 3, "pain" :3'),
        ('"code":', '"code": "weight", "code":'),
        ('"pain": 3', '"p\\u0061in": 3, "pain": 3'),
        ('"pain": 3', '"a\\":b": 3'),
        ('"pain": 3', '"pain": 0.1234567890123456789012345678901234567890123'),
        ('"pain": 3', '"pain": 1e400'),
        ('"pain": 3', '"pain": NaN'),
        ('"37.50"', "37.50"),
        ('"37.50"', "NaN"),
        ('"37.50"', '"\\u0033"'),
        ("felt dizzy", "\u00e9\U0001f600"),
    ):
        bodies.append(text.replace(old, new).encode())
    return bodies


def test_both_readings_agree_on_every_body_of_the_corpus() -> None:
    at = clock.now()

    apart = [
        body[:300]
        for body in corpus()
        if _quickly(body, read_report, at) != _slowly(body, EproReportSerializer, at)
    ]

    assert apart == []


def test_both_readings_agree_on_uploads_of_readings() -> None:
    at = clock.now()
    whole = {"submission_id": PATIENT, "patient": PATIENT, "readings": [READING]}
    bodies = [whole | {name: value} for name in (*whole, "unknown") for value in VALUES]
    held = [READING | {"device_id": "bed-1"}]
    bodies += [{"submission_id": PATIENT, "readings": readings} for readings in (held, [READING])]

    apart = []
    accepted = 0
    for body in bodies:
        raw = json.dumps(body).encode()
        quick = _quickly(raw, read_upload, at)
        accepted += quick
        if quick != _slowly(raw, VitalsUploadSerializer, at):
            apart.append(raw[:300])

    assert apart == []
    assert 0 < accepted < len(bodies)


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"arm": "A"}, "/arm", "unknown_field"),
        ({"vitals": [READING | {"unit": "kg"}]}, "/vitals/0/unit", "unknown_unit"),
        ({"vitals": [READING | {"code": "mood"}]}, "/vitals/0/code", "unknown_code"),
        ({"vitals": [READING | {"value": "warm"}]}, "/vitals/0/value", "not_a_finite_decimal"),
        ({"originator": "staff"}, "/originator_reason", "required"),
        ({"authored_at": "2026-11-20T08:00:03"}, "/authored_at", "offset"),
    ],
)
def test_refusal_points_at_the_part_that_is_wrong(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    body = json.dumps(REPORT | changes).encode()

    problem = explain(body, UploadResource.EPRO_REPORT, clock.now()).problem

    assert problem.status == 400
    assert [(e.pointer, e.code) for e in problem.errors] == [(pointer, code)]


@pytest.mark.req("F87")
def test_value_outside_physical_limits_is_a_warning_and_no_refusal() -> None:
    reading = READING | {"value": "101.3"}

    upload = read_report(json.dumps(REPORT | {"vitals": [reading]}).encode(), clock.now())

    assert upload.warnings == (("/vitals/0/value", "implausible"),)


@pytest.mark.req("F69")
def test_clock_two_days_ahead_is_stored_and_told() -> None:
    at = clock.now()
    ahead = (at + timedelta(days=2)).isoformat()

    upload = read_report(json.dumps(REPORT | {"authored_at": ahead}).encode(), at)

    assert upload.authored_at.isoformat() == ahead
    assert ("/authored_at", "clock_suspect") in upload.warnings


@pytest.mark.parametrize(
    "body",
    [
        b'{"reports":[],"reports":[]}',
        b'{"reports":[{"a":1}],"reports":[{"a":1}]}',
        b'{"reports":[{"a":1}],"r\\u0065ports":[{"a":1}]}',
        b'{"reports":[{"a":1}],"x":1}',
        b'{"reports":{}}',
    ],
)
def test_batch_that_can_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(Doubt):
        read_batch(body)


def test_reports_of_a_batch_keep_their_bytes() -> None:
    body = b' { "reports" : [ {"a":  1} ,{"b":2}, 3 ] } '

    assert read_batch(body) == [b'{"a":  1}', b'{"b":2}', b"3"]
