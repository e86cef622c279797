"""What vital signs cost to look at: a year of 1 Hz data in one request, two hundred tiles in one.

The year is a monitor's heart rate: its roll-ups are all there, its samples for the last days
(`--sampled 365` for all of them: five gigabytes and ten minutes). Requests run in this process,
each several times; the figures are medians. `./run bench series [--sampled DAYS] [--patients N]`.
"""

import argparse
import gc
import gzip
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from _run import head, own_portal, verdict
from wall import make_ward

SERIES_GOAL_MS, TILES_GOAL_MS, TILES_GOAL_BYTES = 100, 150, 150_000
TIMES, YEAR_DAYS = 15, 365
LIFETIME = timedelta(hours=2)
# Heart rate of a body that sleeps at night, a little different every second.
_VALUE = (
    "round((70 + 12 * sin(extract(epoch FROM {0}) / 13751) + 3 * sin(extract(epoch FROM {0})))"
    "::numeric, 1)"
)
_SAMPLES = """
INSERT INTO patients_vitalsample (id, created_at, patient_id, trial_id, site_id, code, position,
    value, is_artifact, is_implausible, measured_at, received_at)
SELECT gen_random_uuid(), t.at, p.id, p.trial_id, p.site_id, 'heart_rate', '', {value}, false,
       false, t.at, t.at
FROM patients_patient p, generate_series(%s::timestamptz, %s, '1 second') AS t(at)
WHERE p.id = %s
"""
# What the pipeline makes of such samples: minutes, then hours and days of them.
_MINUTES = """
INSERT INTO patients_vitalrollup (patient_id, trial_id, site_id, code, level, at, n, marked,
    minimum, maximum, total, last_at, last)
SELECT p.id, p.trial_id, p.site_id, 'heart_rate', 60, t.at, 60, 0, {value} - 3, {value} + 3,
       60 * {value}, t.at + interval '59 seconds', {value}
FROM patients_patient p, generate_series(%s::timestamptz, %s, '1 minute') AS t(at)
WHERE p.id = %s
"""
_COARSER = """
INSERT INTO patients_vitalrollup (patient_id, trial_id, site_id, code, level, at, n, marked,
    minimum, maximum, total, last_at, last)
SELECT patient_id, trial_id, site_id, code, %s, date_bin(make_interval(secs => %s), at, %s), sum(n),
       0, min(minimum), max(maximum), sum(total), max(last_at),
       (array_agg(last ORDER BY last_at DESC))[1]
FROM patients_vitalrollup WHERE level = 60 GROUP BY 1, 2, 3, 4, 6
"""
_WARD = (
    ("heart_rate", 71, "/min"),
    ("spo2", 97, "%"),
    ("respiratory_rate", 15, "/min"),
    ("systolic_bp", 124, "mm[Hg]"),
    ("diastolic_bp", 81, "mm[Hg]"),
    ("temperature", "36.8", "Cel"),
)


def readings(site: str, at: datetime) -> Iterator[dict[str, Any]]:
    """Yield twelve rounds of everybody at a site, sitting and standing."""
    from patients.models import Patient
    from portal.core.partial_dates import PartialDateTime

    for patient, trial in Patient.objects.filter(site=site).values_list("pk", "trial_id"):
        for number in range(12):
            taken = at - number * timedelta(minutes=30)
            for position in ("sitting", "standing"):
                for code, value, unit in _WARD:
                    yield {
                        "patient_id": patient,
                        "trial_id": trial,
                        "site_id": site,
                        "code": code,
                        "value": value,
                        "unit": unit,
                        "original_value": str(value),
                        "original_unit": unit,
                        "measured": PartialDateTime(taken.isoformat(timespec="seconds")),
                        "received_at": taken,
                        "position": position,
                        "originator": "staff",
                    }


def fill(patient: str, site: str, at: datetime, sampled_days: int) -> int:
    """Write a year of one patient and half a day of all; return how many samples there are."""
    from django.db import connection, transaction

    from patients.models import VitalSign
    from patients.pipeline.samples import ORIGIN
    from patients.vocabulary import RollupLevel
    from portal.core.bulk import copy_in
    from portal.core.history import Source, acting
    from portal.core.ids import SYSTEM_ACCOUNT

    value, midnight = _VALUE.format("t.at"), at.replace(hour=0, minute=0, second=0, microsecond=0)
    bulk = acting(by=SYSTEM_ACCOUNT, at=at, reason="benchmark", source=Source.IMPORT)
    with transaction.atomic(), bulk, connection.cursor() as cursor:
        for day in range(sampled_days, 0, -1):
            begins = midnight - timedelta(days=day)
            span = [begins, begins + timedelta(days=1, seconds=-1), patient]
            cursor.execute(_SAMPLES.format(value=value), span)
        span = [midnight - timedelta(days=YEAR_DAYS), midnight - timedelta(minutes=1), patient]
        cursor.execute(_MINUTES.format(value=value), span)
        for level in RollupLevel.values:
            if level > RollupLevel.MINUTE:
                cursor.execute(_COARSER, [level, level, ORIGIN])
        copy_in(VitalSign, list(readings(site, at)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM patients_vitalsample")
        return int(cursor.fetchone()[0])


def asker(name: str) -> Callable[[str], tuple[float, bytes, bytes]]:
    """Return what asks as somebody: milliseconds, the body as sent, and the body."""
    from django.test import Client as Browser

    from portal.accounts.models import SessionKind, User
    from portal.accounts.services import tokens
    from portal.accounts.services.sessions import Client, open_session
    from portal.accounts.services.tokens import TokenType
    from portal.core import clock
    from portal.core.history import acting

    at, person = clock.now(), User.objects.get(username=name)
    with acting(by=person, at=at, reason="benchmark"):
        session = open_session(user=person, kind=SessionKind.WEB, client=Client(), at=at)
    token = tokens.make(
        TokenType.ACCESS, user=person.pk, session=session.pk, issued_at=at, expires_at=at + LIFETIME
    )
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept-Encoding": "gzip",
        "Host": "127.0.0.1",
    }
    browser = Browser()

    def ask(path: str) -> tuple[float, bytes, bytes]:
        begun = time.perf_counter()
        answer = browser.get(path, headers=headers)
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.content[:300]!r}")
        packed = answer.headers.get("Content-Encoding") == "gzip"
        return took, answer.content, gzip.decompress(answer.content) if packed else answer.content

    return ask


def several(ask: Any, path: str) -> tuple[float, float, bytes, bytes]:
    """Ask several times, after two that warm up: median, slowest, the body as sent, the body."""
    found = [ask(path) for _ in range(TIMES + 2)][2:]
    times = [took for took, _sent, _body in found]
    return statistics.median(times), max(times), found[-1][1], found[-1][2]


def measure_series(ask: Any, patient: str, at: datetime) -> bool:
    """Ask for spans from a year to minutes."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    is_met = True
    for words, span, points in (
        ("a year", timedelta(days=YEAR_DAYS), 500),
        ("a year", timedelta(days=YEAR_DAYS), 2000),
        ("90 days", timedelta(days=90), 2000),
        ("a week", timedelta(days=7), 2000),
        ("a day", timedelta(days=1), 500),
        ("an hour", timedelta(hours=1), 500),
        ("33 minutes, raw", timedelta(seconds=2000), 2000),
        ("5 minutes, raw", timedelta(minutes=5), 500),
    ):
        query = {
            "code": "heart_rate",
            "points": points,
            "since": (midnight - span).isoformat(),
            "until": midnight.isoformat(),
        }
        path = f"/api/v1/patients/{patient}/vitals/series/?{urlencode(query)}"
        median, slowest, _sent, body = several(ask, path)
        told = json.loads(body)
        drawn = len(told["readings"]) or len(told["buckets"])
        print(
            f"series    {words:<16} {points:>5} points: {drawn:>5} drawn, "
            f"bucket {told['bucket_seconds'] or '-':>6} s, {median:>6.1f} ms, "
            f"slowest {slowest:>6.1f}, {len(body) / 1000:>6.1f} kB"
        )
        goal = f"{words} in {points} points at most {SERIES_GOAL_MS} ms"
        is_met &= verdict(goal, f"{median:.1f} ms", is_met=median <= SERIES_GOAL_MS)
    return is_met


def measure_tiles(ask: Any, site: str, patients: int) -> bool:
    """Ask for the tiles of a site."""
    median, slowest, sent, body = several(ask, f"/api/v1/wall/tiles/?site={site}&limit=500")
    rows = json.loads(body)["results"]
    readings = sum(len(row["vitals"]) for row in rows)
    print(
        f"tiles     {len(rows)} of {patients} patients, {readings} readings: {median:.1f} ms, "
        f"slowest {slowest:.1f}, {len(body) / 1000:.1f} kB of JSON, {len(sent) / 1000:.1f} kB sent"
    )
    is_met = verdict(
        f"tiles at most {TILES_GOAL_MS} ms", f"{median:.1f} ms", is_met=median <= TILES_GOAL_MS
    )
    kilobytes = f"{len(sent) / 1000:.1f} kB"
    goal = f"tiles at most {TILES_GOAL_BYTES // 1000} kB sent"
    return is_met & verdict(goal, kilobytes, is_met=len(sent) <= TILES_GOAL_BYTES)


def main() -> None:
    """Run it on a portal of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=14, help="days of samples (14)")
    parser.add_argument("--patients", type=int, default=200)
    given = parser.parse_args()
    os.environ["PORTAL_LOG_LEVEL"] = "WARNING"
    head(f"./run bench series --sampled {given.sampled}")
    with own_portal():
        from wall import NAME

        from patients.intake.app import GARBAGE
        from portal.core import clock

        site, ward = make_ward(given.patients)
        at = clock.now()
        begun = time.monotonic()
        count = fill(ward[0][0], site, at, given.sampled)
        print(f"made      {count:,} samples, roll-ups of a year, {time.monotonic() - begun:.0f} s")
        # As a web process does at its start.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        ask = asker(NAME)
        is_met = measure_series(ask, ward[0][0], at)
        is_met &= measure_tiles(ask, site, given.patients)
    sys.exit(not is_met)


if __name__ == "__main__":
    main()
