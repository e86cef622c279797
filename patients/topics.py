"""The live vitals of a patient, a site and a trial (contract.md 2.5, domain.md 8)."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from patients import selectors
from patients.models import Patient, VitalSign
from patients.vocabulary import ReadingStatus, VitalCode
from portal.access.permissions import Permission
from portal.access.scoping import scope, visible
from portal.accounts.models import User
from portal.live.sources import Telling, tells
from portal.live.topics import TopicKind, offer
from trials.models import Site

# A tile whose value is older greys out and says its age; a site's monitoring plan may say less.
FRESH_FOR_SECONDS = {
    VitalCode.HEART_RATE: 900,
    VitalCode.PULSE_RATE: 900,
    VitalCode.RESPIRATORY_RATE: 900,
    VitalCode.SPO2: 900,
    VitalCode.SYSTOLIC_BP: 14_400,
    VitalCode.DIASTOLIC_BP: 14_400,
    VitalCode.MEAN_ARTERIAL_PRESSURE: 14_400,
    VitalCode.TEMPERATURE: 14_400,
    VitalCode.CONSCIOUSNESS: 14_400,
    VitalCode.SUPPLEMENTAL_OXYGEN: 14_400,
}
FRESH_OTHERWISE = 86_400
_SHOWN = (ReadingStatus.FINAL, ReadingStatus.ENTERED_IN_ERROR, ReadingStatus.ARTIFACT)


def _may_patient(user: User, record: UUID | None) -> bool:
    rows = Patient.objects.filter(pk__in=[record])
    return visible(rows, user, Permission.VITAL_SIGN_MONITOR).exists()


def _may_site(user: User, record: UUID | None) -> bool:
    rows = Site.objects.filter(pk__in=[record])
    return visible(rows, user, Permission.VITAL_SIGN_MONITOR).exists()


def _may_trial(user: User, record: UUID | None) -> bool:
    # One site of the trial is not the trial: the topic carries every site's patients.
    held = scope(user, Permission.VITAL_SIGN_MONITOR)
    return held.everywhere or record in held.trials


def _snapshot(column: str) -> Callable[[User, UUID | None], list[dict[str, Any]]]:
    def latest(user: User, record: UUID | None) -> list[dict[str, Any]]:
        rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_MONITOR)
        newest = (
            rows.filter(**{column: record}, status=ReadingStatus.FINAL, not_done_reason="")
            .order_by("patient", "code", "position", F("measured_earliest").desc(), "-id")
            .distinct("patient", "code", "position")
        )
        return [reading_data(row) for row in newest]

    return latest


offer(TopicKind("patient.<id>.vitals", _may_patient, _snapshot("patient"), is_volatile=True))
offer(TopicKind("site.<id>.vitals", _may_site, _snapshot("site")))
offer(TopicKind("trial.<id>.vitals", _may_trial, _snapshot("trial")))


@tells("vital_sign")
def tell_readings(records: Sequence[UUID]) -> list[Telling]:
    """Tell the topics of patient, site and trial what was stored or changed, oldest first.

    What is sealed from display is not told; of a correction nothing is joined with anything.
    """
    rows = selectors.vital_signs().filter(pk__in=records, status__in=_SHOWN, not_done_reason="")
    return list(_tellings(rows.order_by("received_at", "id")))


def _tellings(rows: QuerySet[VitalSign]) -> Iterable[Telling]:
    for row in rows:
        data = reading_data(row)
        if data["status"] == ReadingStatus.ARTIFACT:
            continue
        topics = (
            f"patient.{row.patient_id}.vitals",
            f"site.{row.site_id}.vitals",
            f"trial.{row.trial_id}.vitals",
        )
        joins = data["status"] == ReadingStatus.FINAL
        key = f"{row.patient_id}/{row.code}/{row.position}" if joins else None
        yield Telling(topics, "vital_sign", data, key)


def reading_data(row: Any) -> dict[str, Any]:
    """Return what an update or a snapshot says of a reading; never a name."""
    value = _value(row)
    data = {
        "reading": row.pk,
        "version": row.version,
        "status": _status(row),
        "patient": row.patient_id,
        "subject_number": row.subject_number,
        "code": row.code,
        "value": value,
        "unit": row.unit,
        "measured_at": str(row.measured) if row.measured is not None else None,
        "received_at": row.received_at,
        "late": "late" in row.flags,
        "min": value,
        "max": value,
        "n": 1,
        "fresh_for_seconds": FRESH_FOR_SECONDS.get(row.code, FRESH_OTHERWISE),
        "flags": row.flags,
    }
    optional = {"comparator": row.comparator, "position": row.position, "panel": row.panel}
    return data | {name: said for name, said in optional.items() if said}


def _status(row: Any) -> str:
    """A reading that turned out to be wrong is withdrawn from the walls that showed it."""
    if row.status != ReadingStatus.FINAL:
        withdrawn = row.version > 1
        return "entered_in_error" if withdrawn else str(ReadingStatus.ARTIFACT)
    return "corrected" if row.version > 1 else "final"


def _value(row: Any) -> Any:
    if row.value is not None:
        number: Decimal = row.value
        return int(number) if number == number.to_integral_value() else float(number)
    if row.code == VitalCode.SUPPLEMENTAL_OXYGEN and row.coded_value:
        return row.coded_value == "true"
    return row.coded_value or None
