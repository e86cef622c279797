"""What a bedside monitor sends second by second: samples kept whole, few vital signs, roll-ups.

Of the samples of a patient, code and position one a minute becomes a vital sign, and in each
minute the first one that meets a rule. Their ids are made from the minute, so that a second upload
of the same minute adds none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from patients.models import VitalSample
from patients.pipeline.decoding import Reading, Upload
from patients.pipeline.definitions import Rules
from patients.rules.risk import Threshold, is_met
from patients.rules.vital_codes import IMPLAUSIBLE
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import CONTINUOUS, Disposition, ReadingStatus, RollupLevel
from portal.core.ids import seeded_uuid7
from portal.core.rows import insert_rows

Row = dict[str, Any]
_MINUTE = timedelta(minutes=1)
_COLUMNS = (
    "id",
    "created_at",
    "patient_id",
    "trial_id",
    "site_id",
    "vitals_upload_id",
    "device_id",
    "code",
    "position",
    "value",
    "is_artifact",
    "is_implausible",
    "measured_at",
    "received_at",
)
# Buckets of all levels begin where weeks, days, hours and minutes begin: on a Monday, in UTC.
ORIGIN = "2001-01-01T00:00:00+00:00"
# Each new sample is added once: minimum, maximum and sums come out the same in whatever order.
_ROLL_UP = """
INSERT INTO patients_vitalrollup AS r (
    patient_id, trial_id, site_id, code, level, at, n, marked, minimum, maximum, total, last_at,
    last)
SELECT s.patient_id, s.trial_id, s.site_id, s.code, l.level,
       date_bin(make_interval(secs => l.level), s.measured_at, %s),
       count(*) FILTER (WHERE s.counts), count(*) FILTER (WHERE NOT s.counts),
       min(s.value) FILTER (WHERE s.counts),
       max(s.value) FILTER (WHERE s.counts), coalesce(sum(s.value) FILTER (WHERE s.counts), 0),
       max(s.measured_at) FILTER (WHERE s.counts),
       (array_agg(s.value ORDER BY s.measured_at DESC, s.id DESC) FILTER (WHERE s.counts))[1]
FROM (
    SELECT v.*, NOT (v.is_artifact OR v.is_implausible) AS counts
    FROM patients_vitalsample v WHERE v.id = ANY(%s)
) s, unnest(%s::int[]) AS l(level)
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (patient_id, code, level, at, site_id) DO UPDATE SET
    n = r.n + EXCLUDED.n, marked = r.marked + EXCLUDED.marked,
    minimum = least(r.minimum, EXCLUDED.minimum), maximum = greatest(r.maximum, EXCLUDED.maximum),
    total = r.total + EXCLUDED.total,
    last = CASE WHEN r.last_at IS NULL OR EXCLUDED.last_at >= r.last_at
                THEN EXCLUDED.last ELSE r.last END,
    last_at = greatest(r.last_at, EXCLUDED.last_at)
"""


def is_sample(upload: Upload, reading: Reading) -> bool:
    """Whether a reading is one of a continuous series: said by its method, for numbers only."""
    return (
        upload.resource == "vitals_upload"
        and reading.method == CONTINUOUS
        and VITAL_CODES[reading.code].is_numeric
        and not reading.not_done_reason
    )


def sample_of(row: Mapping[str, Any]) -> Row:
    """Return the sample of a reading that was made into a row like any other."""
    return {
        "id": row["id"],
        "patient_id": row["patient_id"],
        "trial_id": row["trial_id"],
        "site_id": row["site_id"],
        "vitals_upload_id": row["vitals_upload_id"],
        "device_id": row["device_id"],
        "code": row["code"],
        "position": row["position"],
        "value": row["value"],
        "is_artifact": row["status"] == ReadingStatus.ARTIFACT,
        "is_implausible": IMPLAUSIBLE in row["flags"],
        "measured_at": row["measured_at"],
        "received_at": row["received_at"],
    }


def vital_signs_among(rows: Sequence[Row], rules: Rules) -> Iterable[Row]:
    """Yield those of the rows of samples that are vital signs too, under ids of their minutes."""
    done: set[tuple[Any, ...]] = set()
    for row in sorted(rows, key=lambda one: (one["measured_at"], one["id"])):
        if row["status"] == ReadingStatus.ARTIFACT or IMPLAUSIBLE in row["flags"]:
            continue
        watching = rules.get((row["trial_id"], "vital", row["code"]), ())
        met = [
            rule.version_id
            for rule in watching
            if isinstance(rule.parameters, Threshold) and is_met(rule.parameters, row["value"])
        ]
        minute = _minute(row["measured_at"])
        place = (row["patient_id"], row["code"], row["position"], minute)
        why = next((one for one in (None, *met) if (place, one) not in done), False)
        done.update((place, one) for one in (None, *met))
        if why is not False:
            yield {**row, "id": seeded_uuid7(minute, *place, why or "minute")}


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def write_samples(rows: Sequence[Row], uploads: Iterable[Upload], at: datetime) -> None:
    """Write samples and add the new ones to the roll-ups; of sealed uploads nothing is added."""
    if not rows:
        return
    sealed = {one.id for one in uploads if one.disposition == Disposition.OUTSIDE_CONSENT}
    written = insert_rows(
        VitalSample,
        _COLUMNS,
        [{**sample_of(row), "created_at": at} for row in rows],
        on_conflict="ON CONFLICT DO NOTHING",
        returning=("id", "vitals_upload_id"),
    )
    new: list[UUID] = [key for key, upload in written if upload not in sealed]
    with connection.cursor() as cursor:
        cursor.execute(_ROLL_UP, [ORIGIN, new, RollupLevel.values])
