"""Visits, readings, diaries, laboratory, treatment as collected, and what is coded of it."""

import hashlib
import json
from datetime import time
from typing import Any

from patients.models import (
    Coding,
    Device,
    DeviceAssignment,
    DiaryAnswer,
    DiaryAssignment,
    EproReport,
    Exposure,
    LabResult,
    MedicalHistory,
    Medication,
    ReportProcessing,
    Visit,
    VitalSign,
)
from patients.vocabulary import ReportStatus, YesNoUnknown
from portal.core.bulk import copy_in
from portal.core.ids import IMPORT_ACCOUNT, seeded_uuid7
from portal.demo.generator import records as r
from portal.demo.generator.times import full
from portal.demo.writing.cast import Cast
from portal.demo.writing.people import Clinical
from portal.demo.writing.setup import Rows, base

_CODED = frozenset({"consciousness", "supplemental_oxygen"})
_FIELD = {"adverse_event": "term", "medical_history": "term"}


def write_visits(demo: r.Demo, cast: Cast, clinical: Clinical) -> None:
    """Write visits, devices and who held them."""
    copy_in(Visit, _visits(demo, clinical))
    copy_in(Device, _devices(demo))
    copy_in(DeviceAssignment, _holders(demo, cast, clinical))


def write_diaries(demo: r.Demo, clinical: Clinical) -> None:
    """Write diary days, reports and answers."""
    copy_in(DiaryAssignment, _diary_days(demo, clinical))
    copy_in(EproReport, _reports(demo, clinical))
    copy_in(ReportProcessing, _processing(demo))
    copy_in(DiaryAnswer, _answers(demo, clinical))


def write_readings(demo: r.Demo, clinical: Clinical) -> None:
    """Write vital signs."""
    copy_in(VitalSign, _vital_signs(demo, clinical))


def write_treatment(demo: r.Demo, cast: Cast, clinical: Clinical) -> None:
    """Write laboratory results, exposure as collected, medications, history."""
    copy_in(LabResult, _lab_results(demo, cast, clinical))
    copy_in(Exposure, _exposures(demo, clinical))
    copy_in(Medication, _medications(demo, clinical))
    copy_in(MedicalHistory, _history(demo, clinical))


def write_codings(demo: r.Demo, clinical: Clinical) -> None:
    """Write the dictionary's terms."""
    copy_in(Coding, _codings(demo, clinical))


def _visits(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.Visit):
        is_done = row.status == "done"
        yield {
            **clinical(row),
            "plan_id": row.plan_id,
            "visit_number": row.number,
            "name": row.name,
            "kind": row.kind,
            "contact": row.contact,
            "started": row.starts if is_done else None,
            "ended": row.ends if is_done else None,
            "repeat_key": str(row.repeat_key),
            "not_done_reason": row.not_done_reason,
        }


def _devices(demo: r.Demo) -> Rows:
    for row in demo.of(r.Device):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "identifier": row.serial,
            "kind": row.kind,
            "manufacturer": "Example Devices",
            "model_name": row.model,
        }


def _holders(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    for row in demo.of(r.DeviceAssignment):
        yield {
            **clinical(row),
            "device_id": row.device_id,
            "from_at": row.starts_at,
            "to_at": row.ends_at,
            "assigned_by_id": cast.coordinator(row.site_id),
        }


def _diary_days(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.DiaryAssignment):
        yield {
            **clinical(row),
            "instrument_id": row.instrument_id,
            "local_day": row.local_day,
            "time_zone": row.zone,
            "opens_local": time.fromisoformat(row.opens_local),
            "closes_local": time.fromisoformat(row.closes_local),
            "opens_at": row.opens_at,
            "closes_at": row.closes_at,
            "state": row.state,
            "missed_reason": row.missed_reason,
        }


def _reports(demo: r.Demo, clinical: Clinical) -> Rows:
    instruments = {one.id: one for one in demo.of(r.Instrument)}
    for row in demo.of(r.EproReport):
        instrument = instruments[row.instrument_id]
        raw = json.dumps(row.raw, ensure_ascii=False).encode()
        yield {
            **clinical(row),
            "submission_id": row.submission_id,
            "instrument_code": instrument.code,
            "instrument_version": instrument.version,
            "instrument_id": instrument.id,
            "assignment_id": row.assignment_id,
            "language": row.language,
            "authored_at": row.authored_at,
            "started_at": row.started_at,
            "completed_at": row.authored_at,
            "saved_at": row.saved_at,
            "received_at": row.received_at,
            "time_zone": row.zone,
            "app_version": row.app_version,
            "device_id": row.device_id,
            "originator": row.originator,
            "disposition": row.disposition,
            "raw": raw,
            "digest": hashlib.sha256(raw).digest(),
        }


def _processing(demo: r.Demo) -> Rows:
    for row in demo.of(r.EproReport):
        yield {
            "id": seeded_uuid7(row.received_at, row.id, "processing"),
            "created_at": row.received_at,
            "patient_id": row.patient_id,
            "report_id": row.id,
            "status": ReportStatus.PROCESSED.value,
            "attempts": 1,
            "processed_at": row.received_at,
        }


def _answers(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.DiaryAnswer):
        yield {
            **clinical(row),
            "report_id": row.report_id,
            "item": row.item,
            "value": row.value,
            "missing_reason": row.missing_reason or None,
        }


def _vital_signs(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.VitalSign):
        yield {
            **clinical(row),
            "group_repeat_key": row.observation_set,
            "visit_id": row.visit_id,
            "reading_id": str(row.id),
            "code": row.code,
            "original_value": row.original_value,
            "original_unit": row.original_unit,
            "comparator": row.comparator,
            "value": row.value,
            "unit": row.unit if row.value is not None else "",
            "coded_value": row.original_value if row.code in _CODED else "",
            "conversion_factor": row.factor,
            "measured": row.measured_at,
            "received_at": row.received_at,
            "panel": str(row.panel or ""),
            "position": row.position,
            "body_site": row.body_site,
            "method": row.method,
            "timepoint": row.timepoint,
            "repeat": str(row.repeat),
            "originator": row.originator,
            "device_id": row.device_id,
            "status": row.status,
            "not_done_reason": row.not_done_reason,
            "flags": list(row.flags),
        }


def _lab_results(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    zones = {site.id: site.time_zone for site in demo.of(r.Site)}
    for row in demo.of(r.LabResult):
        judged = {
            "clinically_significant": YesNoUnknown.YES.value,
            "significance_by_id": cast.investigator(row.site_id),
            "significance_at": row.resulted_at,
        }
        yield {
            **clinical(row),
            "visit_id": row.visit_id,
            "laboratory": row.laboratory,
            "accession": row.accession,
            "test_code": row.code,
            "test": row.name,
            "loinc": row.loinc,
            "specimen": row.specimen,
            "fasting": row.fasting,
            "collected": row.collected,
            "resulted": full(row.resulted_at, zones[row.site_id]),
            "original_value": row.result,
            "comparator": row.comparator,
            "original_unit": row.unit,
            "value": row.canonical_value,
            "unit": row.canonical_unit,
            "reference_low": row.reference_low,
            "reference_high": row.reference_high,
            "reference_indicator": row.indicator,
            "status": row.status,
            **(judged if row.significance == "yes" else {}),
        }


def _exposures(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.Exposure):
        yield {
            **clinical(row),
            "visit_id": row.visit_id,
            "started": row.starts,
            "ended": row.ends,
            "kit": row.kit_number,
            "amount_taken": f"{row.amount} {row.amount_unit}s",
            "route": row.route,
            "frequency": "once daily",
            "dose_form": row.amount_unit,
            "planned_dose": f"{row.planned_amount} {row.amount_unit}s",
            "reason_adjusted": row.adjusted_reason,
            "is_interruption": row.interrupted,
        }


def _medications(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.Medication):
        yield {
            **clinical(row),
            "name": row.verbatim,
            "indication": row.indication,
            "dose": row.dose,
            "dose_unit": row.dose_unit,
            "route": row.route,
            "started": row.starts,
            "ended": row.ends,
            "start_reference": "before" if row.before_reference else "",
            "end_reference": "ongoing" if row.ongoing else "",
        }


def _history(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.MedicalHistory):
        yield {
            **clinical(row),
            "term": row.verbatim,
            "is_present": YesNoUnknown.YES.value if row.ongoing else YesNoUnknown.NO.value,
            "started": row.starts,
            "ended": row.ends,
            "end_reference": "ongoing" if row.ongoing else "",
        }


def _codings(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.Coding):
        levels: dict[str, dict[str, Any]] = {
            "PT": {"term": row.coded_term, "code": ""},
            "SOC": {"term": row.system_organ_class, "code": ""},
        }
        yield {
            **clinical(row),
            "record_type": row.record_kind,
            "record_id": row.record_id,
            "field": _FIELD[row.record_kind],
            "verbatim": row.verbatim,
            "dictionary": row.dictionary,
            "release": row.release,
            "levels": levels,
            "method": "demo",
            "coded_by_id": IMPORT_ACCOUNT,
            "coded_at": row.created_at,
        }
