"""The values of a patient that a rule walks over, in the order in which they were observed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from patients.pipeline.definitions import instrument
from patients.pipeline.steps import Observed
from patients.rules.instruments import numeric, safety_answers
from patients.rules.risk import Seen

# Patient, source, key.
Place = tuple[UUID, str, str]
# A value, and when its row was written: a rule tells by it what was there before it was.
Dated = tuple[Observed, datetime]
Written = tuple[Place, Observed, datetime]

_READINGS = """
SELECT v.patient_id, v.trial_id, v.site_id, v.code, v.id, v.value, v.unit, v.received_at,
       CASE WHEN v.flags ? 'clock_suspect' THEN v.received_at ELSE v.measured_earliest END,
       v.created_at, coalesce(v.report_id, v.vitals_upload_id)
FROM patients_vitalsign v
JOIN unnest(%s::uuid[], %s::text[]) AS k(patient, code)
  ON v.patient_id = k.patient AND v.code = k.code
WHERE v.value IS NOT NULL AND v.status IN ('final', 'preliminary')
  AND NOT v.flags ? 'implausible' AND v.measured_earliest IS NOT NULL
"""
_ANSWERS = """
SELECT a.patient_id, a.trial_id, a.site_id, a.item, a.id, a.value::text, r.instrument_id,
       r.received_at,
       CASE WHEN r.authored_at > r.received_at + interval '2 minutes'
            THEN r.received_at ELSE r.authored_at END,
       a.created_at, r.id
FROM patients_diaryanswer a
JOIN patients_eproreport r ON r.id = a.report_id
JOIN unnest(%s::uuid[], %s::text[]) AS k(patient, item)
  ON a.patient_id = k.patient AND a.item = k.item
WHERE a.value IS NOT NULL AND r.instrument_id IS NOT NULL
"""
_SETS = """
SELECT s.patient_id, s.trial_id, s.site_id, '', s.id, s.aggregate, s.sub_scores::text,
       s.closed_at, s.taken_until, s.created_at, NULL::uuid
FROM patients_observationset s
WHERE s.patient_id = ANY(%s) AND s.aggregate IS NOT NULL AND s.superseded_at IS NULL
"""
_DAYS = """
SELECT d.patient_id, d.trial_id, d.site_id, i.code, d.id, d.state, d.local_day,
       d.closes_at, d.closes_at, d.created_at, NULL::uuid
FROM patients_diaryassignment d JOIN trials_instrument i ON i.id = d.instrument_id
WHERE d.patient_id = ANY(%s) AND d.state <> 'scheduled'
"""
_MISSED = {"missed": Decimal(1), "completed": Decimal(0), "late": Decimal(0)}


def load(places: Iterable[Place]) -> Mapping[Place, list[Dated]]:
    """Return every value at `places`, oldest first. At most one query for each source."""
    wanted: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        wanted[place[1]].append(place)
    found: dict[Place, list[Dated]] = defaultdict(list)
    for source, some in wanted.items():
        for place, observed, created in SOURCES[source](some):
            found[place].append((observed, created))
    for series in found.values():
        series.sort(key=lambda one: (one[0].seen.at, one[0].seen.id))
    return found


def _read(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _readings(places: list[Place]) -> Iterable[Written]:
    for row in _read(_READINGS, [[p[0] for p in places], [p[2] for p in places]]):
        patient, trial, site, code, key, value, unit, received, at, created, upload = row
        facts = (("code", code), ("unit", unit))
        seen = Seen(at, key, value, received, facts=facts)
        yield (
            (patient, "vital", code),
            Observed(patient, trial, site, "vital", code, "vital_sign", upload, None, seen),
            created,
        )


def _answers(places: list[Place]) -> Iterable[Written]:
    for row in _read(_ANSWERS, [[p[0] for p in places], [p[2] for p in places]]):
        patient, trial, site, item, key, value, of, received, at, created, upload = row
        asked = instrument(of).items.get(item)
        number = None if asked is None else numeric(asked, msgspec.json.decode(value))
        seen = Seen(at, key, number, received, facts=(("item", item),))
        yield (
            (patient, "answer", item),
            Observed(patient, trial, site, "answer", item, "diary_answer", upload, None, seen),
            created,
        )


def _sets(places: list[Place]) -> Iterable[Written]:
    for row in _read(_SETS, [[p[0] for p in places]]):
        patient, trial, site, _key, key, aggregate, points, received, at, created, upload = row
        points = msgspec.json.decode(points)
        facts = (
            ("highest_points", str(max(points.values(), default=0))),
            ("points", points),
        )
        seen = Seen(at, key, Decimal(aggregate), received, facts=facts)
        yield (
            (patient, "news2", ""),
            Observed(patient, trial, site, "news2", "", "observation_set", upload, None, seen),
            created,
        )


def _days(places: list[Place]) -> Iterable[Written]:
    for row in _read(_DAYS, [[p[0] for p in places]]):
        patient, trial, site, code, key, state, day, received, at, created, upload = row
        facts = (("instrument", code), ("day", day.isoformat()))
        seen = Seen(at, key, _MISSED.get(state), received, facts=facts)
        yield (
            (patient, "diary", ""),
            Observed(patient, trial, site, "diary", code, "diary_assignment", upload, None, seen),
            created,
        )


SOURCES = {"vital": _readings, "answer": _answers, "news2": _sets, "diary": _days}

_LATER_READING = """
SELECT k.place FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::timestamptz[])
  AS k(place, patient, code, at)
WHERE EXISTS (
    SELECT 1 FROM patients_vitalsign v
    WHERE v.patient_id = k.patient AND v.code = k.code AND v.measured_earliest >= k.at
      AND v.created_at < %s
)
"""
_LATER_ANSWER = """
SELECT k.place FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::timestamptz[])
  AS k(place, patient, item, at)
WHERE EXISTS (
    SELECT 1 FROM patients_diaryanswer a JOIN patients_eproreport r ON r.id = a.report_id
    WHERE a.patient_id = k.patient AND a.item = k.item AND r.authored_at >= k.at
      AND a.created_at < %s
)
"""
_LATER_SET = """
SELECT k.place FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::timestamptz[])
  AS k(place, patient, key, at)
WHERE EXISTS (
    SELECT 1 FROM patients_observationset s
    WHERE s.patient_id = k.patient AND s.taken_until >= k.at AND s.created_at < %s
)
"""
_LATER = {"vital": _LATER_READING, "answer": _LATER_ANSWER, "news2": _LATER_SET}


def overtaken(firsts: Mapping[Place, datetime], before: datetime) -> frozenset[Place]:
    """Return the places at which something observed later was evaluated before.

    `firsts` are the earliest new values; rows made at `before` belong to the same chunk.
    """
    by_source: dict[str, list[Place]] = defaultdict(list)
    for place in firsts:
        if place[1] in _LATER:
            by_source[place[1]].append(place)
    found: set[Place] = set()
    for source, places in by_source.items():
        columns = [
            list(range(len(places))),
            [place[0] for place in places],
            [place[2] for place in places],
            [firsts[place] for place in places],
        ]
        found |= {places[index] for (index,) in _read(_LATER[source], [*columns, before])}
    return frozenset(found)


def load_events(source: str, patients: Iterable[UUID]) -> Mapping[Place, list[Dated]]:
    """Return what a stateless rule looks at: safety answers, or readings of others' devices."""
    found: dict[Place, list[Dated]] = defaultdict(list)
    for observed, created in _EVENTS[source](list(patients)):
        found[observed.patient_id, source, ""].append((observed, created))
    return found


def _safety_answers(patients: list[UUID]) -> Iterable[Dated]:
    rows = _read(
        "SELECT a.patient_id, a.trial_id, a.site_id, a.item, a.id, a.value::text, "
        "r.instrument_id, r.received_at, r.authored_at, a.created_at, r.id "
        "FROM patients_diaryanswer a JOIN patients_eproreport r ON r.id = a.report_id "
        "WHERE a.patient_id = ANY(%s) AND a.value IS NOT NULL AND r.instrument_id IS NOT NULL",
        [patients],
    )
    for patient, trial, site, item, key, value, of, received, at, created, upload in rows:
        answered = safety_answers(instrument(of), {item: msgspec.json.decode(value)})
        for answer in answered:
            facts = (("item", item), ("answer", answer.value))
            seen = Seen(at, key, None, received, facts=facts)
            yield (
                Observed(patient, trial, site, "safety", item, "diary_answer", upload, None, seen),
                created,
            )


def _foreign_devices(patients: list[UUID]) -> Iterable[Dated]:
    rows = _read(
        "SELECT r.patient_id, r.trial_id, r.site_id, r.id, r.authored_at, r.received_at, "
        "r.created_at FROM patients_eproreport r "
        "WHERE r.patient_id = ANY(%s) AND cardinality(r.foreign_readings) > 0",
        [patients],
    )
    for patient, trial, site, key, at, received, created in rows:
        seen = Seen(at, key, None, received)
        yield (
            Observed(patient, trial, site, "device", "", "epro_report", key, None, seen),
            created,
        )


_EVENTS = {"safety": _safety_answers, "device": _foreign_devices}
