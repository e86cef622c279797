"""Vital signs that staff enter, correct, and mark as entered in error."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from patients.models import Patient, Visit, VitalSign
from patients.rules.vital_codes import IMPLAUSIBLE, Canonical, NotAMeasurement, canonical
from patients.selectors import capture_site, protocol_version_at
from patients.services.findings import raise_finding, resolve_findings
from patients.services.observation_sets import recompute_sets
from patients.vocabulary import EntrySource, FindingSeverity, Originator, VitalCode
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput, RuleBroken
from portal.core.history import acting
from portal.outbox.kinds import Kind
from portal.outbox.publish import publish

RESOURCE = "vital_sign"
OUTSIDE_LIMITS = "outside_physical_limits"
# What the canonical value is made from.
_GIVEN = frozenset({"original_value", "original_unit", "comparator", "not_done_reason"})


class MalformedReading(InvalidInput):
    """This is no reading of that code; form refuses, content is only flagged."""

    code = "invalid_reading"


class UnknownVisit(InvalidInput):
    """The patient has no such visit."""

    code = "unknown_visit"


class PatientsOwnAnswer(InvalidInput):
    """Only patients and caregivers say how bad a pain is."""

    code = "patients_own_answer"


class NotEnteredByStaff(RuleBroken):
    """What a patient or a device sent keeps its value; mark it as entered in error or artifact."""

    code = "not_entered_by_staff"


def record_vital_sign(
    *, patient: Patient, code: str, facts: Mapping[str, Any], by: User, at: datetime, reason: str
) -> VitalSign:
    """Record one reading of a patient; outside physical limits it is kept, flagged and found.

    `facts` are columns of the reading. Locks: the patient's row. Emits: VITAL_SIGN_RECORDED.
    Raises: MalformedReading, UnknownVisit, PatientsOwnAnswer.
    """
    if code == VitalCode.PAIN_SCORE:
        raise PatientsOwnAnswer(errors=(FieldError("/code", PatientsOwnAnswer.code, "code"),))
    with acting(by=by, at=at, reason=reason or "recorded"):
        patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        reading = VitalSign(
            patient=patient,
            site_id=capture_site(patient, by, Permission.VITAL_SIGN_RECORD),
            protocol_version_id=protocol_version_at(patient, at),
            code=code,
            originator=Originator.STAFF,
            entry_source=EntrySource.FORM,
            entered_at=at,
            received_at=at,
            created_at=at,
        )
        _take(reading, facts)
        _convert(reading)
        reading.save(force_insert=True)
        reading.refresh_from_db()
        _look_at(reading, by=by, at=at, reason=reason or "recorded")
        _tell(reading)
    return reading


def correct_vital_sign(
    *, vital_sign: VitalSign, facts: Mapping[str, Any], by: User, at: datetime, reason: str
) -> VitalSign:
    """Correct a reading, or say that it was entered in error; what it was stays in the history.

    Sets that hold it are scored anew. Locks: its row. Emits: VITAL_SIGN_RECORDED.
    Raises: NotEnteredByStaff, MalformedReading, UnknownVisit.
    """
    with acting(by=by, at=at, reason=reason):
        reading = VitalSign.objects.select_for_update().get(pk=vital_sign.pk)
        if set(facts) - {"status"} and reading.originator != Originator.STAFF:
            raise NotEnteredByStaff()
        _take(reading, facts)
        if set(facts) & _GIVEN:
            _convert(reading)
        reading.save()
        reading.refresh_from_db()
        _look_at(reading, by=by, at=at, reason=reason)
        _tell(reading)
        recompute_sets(reading=reading, by=by, at=at, reason=reason)
    return reading


def _tell(reading: VitalSign) -> None:
    """Let the rules look at it, as at what devices send."""
    publish(
        Kind.VITAL_SIGN_RECORDED,
        resource=RESOURCE,
        record_id=reading.pk,
        ordering_key=reading.patient_id,
        trial_id=reading.trial_id,
        site_id=reading.site_id,
    )


def _take(reading: VitalSign, facts: Mapping[str, Any]) -> None:
    for name, value in facts.items():
        setattr(reading, name, value)
    if facts.get("visit_id") is not None:
        visits = Visit.objects.filter(pk=facts["visit_id"], patient=reading.patient_id)
        if not visits.exists():
            raise UnknownVisit(errors=(FieldError("/visit", UnknownVisit.code, "visit"),))


def _convert(reading: VitalSign) -> None:
    """Compute the canonical value from what was given; not done has none."""
    if reading.not_done_reason:
        if reading.original_value:
            part = FieldError("/value", "not_done_has_no_value", "value")
            raise MalformedReading(errors=(part,))
        made = Canonical(None, "")
    else:
        made = _canonical(reading)
    reading.value, reading.unit = made.value, made.unit
    reading.coded_value, reading.conversion_factor = made.coded_value, made.factor
    reading.flags = sorted({*reading.flags} - {IMPLAUSIBLE} | {*made.flags})


def _canonical(reading: VitalSign) -> Canonical:
    try:
        return canonical(
            reading.code, reading.original_value, reading.original_unit, reading.comparator
        )
    except NotAMeasurement as error:
        part = FieldError(f"/{error.field}", error.code, error.detail)
        raise MalformedReading(error.detail, errors=(part,)) from None


def _look_at(reading: VitalSign, *, by: User, at: datetime, reason: str) -> None:
    if IMPLAUSIBLE in reading.flags and reading.status != "entered_in_error":
        raise_finding(
            record=reading,
            resource=RESOURCE,
            rule=OUTSIDE_LIMITS,
            field="value",
            message=f"{reading} is outside physical limits.",
            severity=FindingSeverity.MAJOR,
            owner_role="study_coordinator",
            by=by,
            at=at,
            reason=reason,
        )
    else:
        gone = frozenset({OUTSIDE_LIMITS})
        resolve_findings(record=reading, resource=RESOURCE, rules=gone, by=by, at=at, reason=reason)
