"""A reading as live updates, snapshots and tiles tell it (contract.md 2.5, domain.md 8)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from patients.models import MonitoringPlan, VitalSign
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import ReadingStatus, VitalCode
from portal.live.gathering import step_over

# A tile whose value is older greys out and says its age, unless the site's plan says otherwise.
FRESH_FOR_SECONDS: Mapping[str, int] = {
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
LATE_AFTER = timedelta(minutes=30)
# Positions differ among so many readings of a code at most: what is older is not current.
_NEWEST = 12
# Of a code the latest reading stands; of another position, what was taken within a day of it.
_LATEST = """
SELECT {columns} FROM (
    SELECT DISTINCT ON (v.patient_id, v.code, v.position) v.*,
           max(v.measured_earliest) OVER (PARTITION BY v.patient_id, v.code) AS newest
    FROM unnest(%s::uuid[]) AS p(id), unnest(%s::text[]) AS c(code), LATERAL ({newest}) v
    ORDER BY v.patient_id, v.code, v.position, v.measured_earliest DESC, v.id DESC
) f WHERE f.measured_earliest > f.newest - interval '1 day'
ORDER BY f.measured_earliest DESC, f.id DESC
"""
# What no wall shows: it is measured at visits, or asked.
_NOT_WATCHED = {VitalCode.WEIGHT, VitalCode.HEIGHT, VitalCode.BMI, VitalCode.PAIN_SCORE}
WATCHED = tuple(code for code in VitalCode.values if code not in _NOT_WATCHED)

Freshness = Mapping[UUID, Mapping[str, int]]


def freshness(sites: Iterable[UUID]) -> Freshness:
    """Return for how long readings are fresh by the plans of sites that have one. One query.

    A plan that says it in a way that nobody understands leaves its site with what is usual.
    """
    rows = MonitoringPlan.objects.filter(site__in=set(sites))
    found = dict[UUID, Mapping[str, int]]()
    for plan, site, times in rows.values_list("pk", "site_id", "fresh_for"):
        try:
            found[site] = msgspec.convert(times, dict[str, int])
        except msgspec.ValidationError as error:
            step_over("monitoring_plan", [plan], error)
    return found


class Latest(NamedTuple):
    """What is told of a reading, as it is stored; thousands are read at once, or many a second."""

    id: UUID
    version: int
    status: str
    patient_id: UUID
    trial_id: UUID
    site_id: UUID
    subject_number: str
    code: str
    value: Decimal | None
    coded_value: str
    unit: str
    comparator: str
    position: str
    panel: str
    measured: str | None
    received_at: datetime
    flags: Any

    @property
    def pk(self) -> UUID:
        """The reading's id."""
        return self.id


def latest(
    rows: QuerySet[VitalSign], patients: Iterable[UUID], codes: Iterable[str] = VitalCode.values
) -> list[Latest]:
    """Return of `rows` the latest of each patient, code and position, newest first. One query."""
    wanted = rows.filter(
        patient_id=RawSQL("p.id", ()),
        code=RawSQL("c.code", ()),
        status=ReadingStatus.FINAL,
        not_done_reason="",
        measured_earliest__isnull=False,
    )
    of_each = wanted.order_by("-measured_earliest", "-id")
    columns = of_each.values(*Latest._fields, "measured_earliest")[:_NEWEST]
    try:
        newest, parameters = columns.query.sql_with_params()
    except EmptyResultSet:
        return []  # somebody who may see nothing at all
    told = ", ".join(f"f.{name}" for name in Latest._fields)
    with connection.cursor() as cursor:
        cursor.execute(
            _LATEST.format(columns=told, newest=newest),
            [list(patients), list(codes), *parameters],
        )
        return [_latest(row) for row in cursor.fetchall()]


def statement_of(rows: QuerySet[VitalSign]) -> tuple[str, list[Any]]:
    """Return the statement that reads those of `rows` whose ids are given, and its parameters.

    Made once and asked for every update: the ORM would take longer to write it than the database
    to answer it. `rows` do not depend on who asks.
    """
    columns = rows.filter(pk=RawSQL("k.id", ())).values(*Latest._fields)
    statement, parameters = columns.query.sql_with_params()
    told = ", ".join(f"v.{name}" for name in Latest._fields)
    return (
        f"SELECT {told} FROM unnest(%s::uuid[]) AS k(id), LATERAL ({statement}) v "  # noqa: S608
        "ORDER BY v.received_at, v.id",
        list(parameters),
    )


def stated(statement: str, ids: Iterable[UUID], parameters: Iterable[Any]) -> list[Latest]:
    """Return what such a statement reads, in the order of receipt. One query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(ids), *parameters])
        return [_latest(row) for row in cursor.fetchall()]


def _latest(row: tuple[Any, ...]) -> Latest:
    """Read the stored forms: of a date its text without the zone, of flags a list."""
    found = Latest._make(row)
    flags = [] if found.flags == "[]" else msgspec.json.decode(found.flags)
    measured = None if found.measured is None else found.measured.partition("[")[0]
    return found._replace(measured=measured, flags=flags)


def reading_data(row: Any, fresh: Freshness) -> dict[str, Any]:
    """Return what an update or a snapshot says of a reading; never a name."""
    value, flags = value_of(row), words(row.flags)
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
        "late": "late" in flags,
        "min": value,
        "max": value,
        "n": 1,
        "fresh_for_seconds": fresh_for(row.site_id, row.code, fresh),
        "flags": flags,
    }
    optional = {"comparator": row.comparator, "position": row.position, "panel": row.panel}
    return data | {name: said for name, said in optional.items() if said}


def tile_reading(row: Any, fresh: Freshness) -> dict[str, Any]:
    """Return what a tile says of a reading: nothing that the tile says already, nothing empty."""
    flags = words(row.flags)
    data = {
        "reading": row.pk,
        "version": row.version,
        "status": _status(row),
        "code": row.code,
        "value": value_of(row),
        "unit": row.unit,
        "measured_at": str(row.measured) if row.measured is not None else None,
        "received_at": row.received_at,
        "fresh_for_seconds": fresh_for(row.site_id, row.code, fresh),
    }
    optional = {
        "comparator": row.comparator,
        "position": row.position,
        "late": "late" in flags,
        "flags": flags,
    }
    return data | {name: said for name, said in optional.items() if said}


def sample_data(row: Any, fresh: Freshness) -> dict[str, Any]:
    """Return what an update says of a sample of a monitor: the same as of any reading."""
    value = number(row.value)
    data = {
        "reading": row.pk,
        "version": 1,
        "status": "final",
        "patient": row.patient_id,
        "subject_number": row.subject_number,
        "code": row.code,
        "value": value,
        "unit": VITAL_CODES[row.code].unit,
        "measured_at": row.measured_at.isoformat().replace("+00:00", "Z"),
        "received_at": row.received_at,
        "late": row.received_at - row.measured_at > LATE_AFTER,
        "min": value,
        "max": value,
        "n": 1,
        "fresh_for_seconds": fresh_for(row.site_id, row.code, fresh),
        "flags": [],
    }
    return data | ({"position": row.position} if row.position else {})


def fresh_for(site: UUID, code: str, fresh: Freshness) -> int:
    """Return for how many seconds a reading of a code is fresh at a site."""
    return fresh.get(site, {}).get(code) or FRESH_FOR_SECONDS.get(code, FRESH_OTHERWISE)


def _status(row: Any) -> str:
    """A reading that turned out to be wrong is withdrawn from the walls that showed it."""
    if row.status != ReadingStatus.FINAL:
        withdrawn = row.version > 1
        return "entered_in_error" if withdrawn else str(ReadingStatus.ARTIFACT)
    return "corrected" if row.version > 1 else "final"


def value_of(row: Any) -> Any:
    """Return the canonical value as JSON: a number, a truth or a code."""
    if row.value is not None:
        return number(row.value)
    if row.code == VitalCode.SUPPLEMENTAL_OXYGEN and row.coded_value:
        return row.coded_value == "true"
    return row.coded_value or None


def words(stored: Any) -> list[str]:
    """Return a stored list of words. Raises: ValidationError where it holds anything else."""
    return msgspec.convert(stored, list[str]) if stored != [] else []


def number(value: Decimal) -> int | float:
    """Return a decimal as a JSON number. Raises: ValueError for what is no number."""
    if not value.is_finite():
        raise ValueError
    return int(value) if value == value.to_integral_value() else float(value)
