"""The steps of one upload: pure, each from what came before to rows that are still to be written.

A row's id is made from the upload's, so that a second run writes the same rows again, or nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from patients.pipeline.decoding import Reading, Upload, known_zone, value_text
from patients.pipeline.samples import is_sample
from patients.rules.instruments import (
    InstrumentDefinition,
    check_answers,
    numeric,
    safety_answers,
    scores,
)
from patients.rules.risk import Seen
from patients.rules.vital_codes import IMPLAUSIBLE, Canonical, canonical
from patients.vocabulary import EntrySource, Originator, ReadingStatus, YesNoUnknown
from portal.core.ids import seeded_uuid7

CLOCK_SUSPECT = "clock_suspect"
LATE = "late"
CLOCK_TOLERANCE = timedelta(minutes=2)
LATE_AFTER = timedelta(minutes=30)
# Preliminary values are evaluated: a wrong alarm is better than none.
_JUDGED = frozenset({ReadingStatus.FINAL.value, ReadingStatus.PRELIMINARY.value})


@dataclass(frozen=True, slots=True)
class Observed:
    """A value that rules may look at, and where it stands."""

    patient_id: UUID
    trial_id: UUID
    site_id: UUID
    source: str
    key: str
    resource: str
    upload_id: UUID | None
    age_years: Decimal | None
    seen: Seen


@dataclass(slots=True)
class Rows:
    """What is to be written of a chunk."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    readings: list[dict[str, Any]] = field(default_factory=list)
    # Readings of monitors that come every second.
    samples: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)


def answers_of(
    upload: Upload, definition: InstrumentDefinition, watched: frozenset[str], rows: Rows
) -> None:
    """Hold the answers against the instrument; make rows, scores and what rules look at.

    `watched` are the items that a rule of the trial compares with a level.
    """
    checked = check_answers(definition, upload.answers, upload.missing)
    place = _place(upload, EntrySource.EPRO)
    for item, value in checked.values.items():
        rows.answers.append(
            {
                **place,
                "id": seeded_uuid7(upload.received_at, upload.id, "answer", item),
                "report_id": upload.id,
                "item": item,
                "value": value,
                "missing_reason": None,
            }
        )
    for item, reason in checked.missing_reasons.items():
        rows.answers.append(
            {
                **place,
                "id": seeded_uuid7(upload.received_at, upload.id, "answer", item),
                "report_id": upload.id,
                "item": item,
                "value": None,
                "missing_reason": reason,
            }
        )
    if checked.problems:
        facts = [{"item": one.item, "code": one.code} for one in checked.problems]
        rows.findings.append(_finding(upload, "answer_does_not_fit", {"answers": facts}))
    if definition.scores:
        rows.scores += _scores(upload, definition, checked.values, place)
    for answer in safety_answers(definition, checked.values):
        facts_of = {"item": answer.item, "answer": answer.value}
        number = numeric(definition.items[answer.item], answer.value)
        rows.observed.append(_of_answer(upload, "safety", answer.item, number, facts_of))
    for item in watched & checked.values.keys():
        if item in definition.items:
            number = numeric(definition.items[item], checked.values[item])
            rows.observed.append(_of_answer(upload, "answer", item, number, {"item": item}))


def readings_of(upload: Upload, devices: Mapping[tuple[UUID, str], UUID], rows: Rows) -> None:
    """Clean and convert the readings; make rows and what rules look at.

    Readings whose device was held by somebody else, or nobody, are left to the quarantine.
    """
    foreign = frozenset(upload.foreign_readings)
    implausible: list[dict[str, Any]] = []
    is_report = upload.resource == "epro_report"
    place = _place(upload, EntrySource.EPRO if is_report else EntrySource.DEVICE)
    for index, reading in enumerate(upload.readings):
        if index in foreign:
            continue
        row = _reading(upload, index, reading, place, devices)
        sampled = is_sample(upload, reading)
        (rows.samples if sampled else rows.readings).append(row)
        told = sampled and any(one["code"] == reading.code for one in implausible)
        if IMPLAUSIBLE in row["flags"] and not told:
            implausible.append({"code": reading.code, "value": row["original_value"]})
    if implausible:
        rows.findings.append(_finding(upload, "implausible_reading", {"readings": implausible}))
    if foreign and upload.names_patient:
        rows.observed.append(_of_device(upload, len(foreign)))


def observed_reading(upload: Upload, row: Mapping[str, Any]) -> Observed | None:
    """Return a written reading as rules see it; None where there is nothing to judge."""
    if row["value"] is None or row["status"] not in _JUDGED or IMPLAUSIBLE in row["flags"]:
        return None
    suspect = CLOCK_SUSPECT in row["flags"]
    at = upload.received_at if suspect else row["measured_at"]
    value = row["value"].quantize(_STORED)
    facts = (("code", row["code"]), ("unit", row["unit"]))
    seen = Seen(at, row["id"], value, upload.received_at, facts=facts)
    return _observed(upload, "vital", row["code"], "vital_sign", seen)


_STORED = Decimal("0.000001")


def _reading(
    upload: Upload,
    index: int,
    reading: Reading,
    place: Mapping[str, Any],
    devices: Mapping[tuple[UUID, str], UUID],
) -> dict[str, Any]:
    text = value_text(reading.value)
    unit, comparator = reading.unit or "", reading.comparator or ""
    found = _NOT_DONE if text is None else _canonical(reading.code, text, unit, comparator)
    is_report = upload.resource == "epro_report"
    zone = known_zone(upload.time_zone) if upload.time_zone else ""
    written = reading.measured_at.isoformat()
    named = devices.get((upload.trial_id, reading.device_id)) if reading.device_id else None
    return {
        **place,
        "id": seeded_uuid7(upload.received_at, upload.id, "reading", index),
        "report_id": upload.id if is_report else None,
        "vitals_upload_id": None if is_report else upload.id,
        "reading_id": reading.reading_id,
        "code": reading.code,
        "original_value": text or "",
        "original_unit": unit,
        "comparator": comparator,
        "value": found.value,
        "unit": found.unit,
        "coded_value": found.coded_value,
        "conversion_factor": found.factor,
        "measured": f"{written}[{zone}]" if zone else written,
        "measured_at": reading.measured_at,
        "received_at": upload.received_at,
        "panel": reading.panel or "",
        "position": reading.position or "",
        "body_site": reading.body_site or "",
        "laterality": reading.laterality or "",
        "method": reading.method or "",
        "timepoint": reading.timepoint or "",
        "elapsed": reading.elapsed or "",
        "repeat": "" if reading.repeat is None else str(reading.repeat),
        "fasting": reading.fasting or YesNoUnknown.UNKNOWN.value,
        "originator": reading.originator
        or (upload.originator if is_report else Originator.DEVICE.value),
        "device_id": named or upload.device_id,
        "status": reading.status or ReadingStatus.FINAL.value,
        "not_done_reason": reading.not_done_reason or "",
        "flags": _flags(found, reading.measured_at, upload.received_at),
    }


_NOT_DONE = Canonical(None, "")
_canonical = lru_cache(maxsize=16_384)(canonical)


def _flags(found: Canonical, measured_at: datetime, received_at: datetime) -> list[str]:
    flags = list(found.flags)
    if measured_at - received_at > CLOCK_TOLERANCE:
        flags.append(CLOCK_SUSPECT)
    elif received_at - measured_at > LATE_AFTER:
        flags.append(LATE)
    return sorted(flags)


def _scores(
    upload: Upload,
    definition: InstrumentDefinition,
    values: Mapping[str, Any],
    place: Mapping[str, Any],
) -> Iterable[dict[str, Any]]:
    for score in scores(definition, values):
        yield {
            **place,
            "report_id": upload.id,
            "name": score.name,
            "value": score.value,
            "band": score.band,
            "algorithm": score.algorithm,
            "algorithm_version": score.algorithm_version,
            "inputs": score.inputs,
            "missing": score.missing,
            "scored_at": upload.authored_at,
        }


def _place(upload: Upload, source: EntrySource) -> dict[str, Any]:
    return {
        "patient_id": upload.patient_id,
        "trial_id": upload.trial_id,
        "site_id": upload.site_id,
        "protocol_version_id": upload.protocol_version_id,
        "entry_source": source.value,
    }


def _finding(upload: Upload, rule: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "patient_id": upload.patient_id,
        "trial_id": upload.trial_id,
        "site_id": upload.site_id,
        "rule": rule,
        "facts": facts,
        "resource": upload.resource,
        "record_id": upload.id,
    }


def _of_answer(
    upload: Upload, source: str, item: str, number: Decimal | None, facts: dict[str, Any]
) -> Observed:
    ahead = upload.authored_at - upload.received_at > CLOCK_TOLERANCE
    at = upload.received_at if ahead else upload.authored_at
    key = seeded_uuid7(upload.received_at, upload.id, "answer", item)
    seen = Seen(at, key, number, upload.received_at, facts=tuple(facts.items()))
    return _observed(upload, source, item, "diary_answer", seen)


def _of_device(upload: Upload, count: int) -> Observed:
    seen = Seen(
        upload.authored_at, upload.id, None, upload.received_at, facts=(("readings", count),)
    )
    return _observed(upload, "device", "", upload.resource, seen)


def _observed(upload: Upload, source: str, key: str, resource: str, seen: Seen) -> Observed:
    return Observed(
        upload.patient_id,
        upload.trial_id,
        upload.site_id,
        source,
        key,
        resource,
        upload.id,
        upload.age_years,
        seen,
    )
