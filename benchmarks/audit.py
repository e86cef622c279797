"""How fast the audit trail is verified, and what history costs a bulk write.

Figure: 1,000,000 history rows verified in at most 60 s on 2 cores. The rows are readings written
through COPY, each with its trigger-written history row, in a database of its own on durable servers
(fsync on), and sealed; verification is the command as a person types it. The cost of history is the
same COPY with the three history triggers and without, in turns.

    ./run bench audit [--rows N] [--runs N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from _run import head, own_portal, verdict

from portal.embedded.home import ROOT

MOST_SECONDS = 60.0
BATCH = 20_000
PATIENTS = 200
HISTORY_TRIGGERS = "pgtrigger_(insert_insert|update_update|delete_delete)_"


def main() -> int:
    """Run the benchmark and say whether the figure holds."""
    parser = argparse.ArgumentParser(prog="./run bench audit")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    head(f"./run bench audit --rows {given.rows} --runs {given.runs}")
    with own_portal() as environment:
        patients = make_patients()
        measure_cost(patients, environment["DATABASE_OWNER_URL"], given.runs)
        fill(patients, given.rows)
        seconds = measure_verification(given.runs)
    median = statistics.median(seconds)
    is_met = verdict(
        f"{given.rows:,} rows verified in at most {MOST_SECONDS:.0f} s",
        f"median {median:.1f} s of {len(seconds)} runs",
        is_met=median <= MOST_SECONDS,
    )
    return 0 if is_met else 1


def make_patients() -> list[Any]:
    """Make a trial with one site and its patients; return the patients' keys."""
    from patients.models import Patient
    from portal.core.history import acting
    from portal.core.ids import SYSTEM_ACCOUNT
    from trials.models import Institution, Site, Sponsor, Trial

    with acting(by=SYSTEM_ACCOUNT, reason="benchmark"):
        sponsor = Sponsor.objects.create(name="Bench")
        trial = Trial.objects.create(sponsor=sponsor, number="B1", title="B1", blinding="double")
        hospital = Institution.objects.create(name="Bench hospital", country="FRA")
        site = Site.objects.create(trial=trial, institution=hospital, code="1", country="FRA")
        made = [
            Patient.objects.create(
                trial=trial, site=site, usubjid=f"B-{number}", subject_number=str(number)
            )
            for number in range(PATIENTS)
        ]
    return [patient.pk for patient in made]


def readings(patients: list[Any], at: datetime) -> Iterator[dict[str, Any]]:
    """Yield readings without end."""
    while True:
        for patient in patients:
            yield {
                "patient_id": patient,
                "code": "temperature",
                "value": "37.5",
                "unit": "Cel",
                "original_value": "99.5",
                "original_unit": "[degF]",
                "received_at": at,
            }


def write(patients: list[Any], count: int) -> float:
    """COPY readings in one transaction; return the seconds it took."""
    from patients.models import VitalSign
    from portal.core import clock
    from portal.core.bulk import copy_in
    from portal.core.history import acting
    from portal.core.ids import IMPORT_ACCOUNT

    rows = list(islice(readings(patients, clock.now()), count))
    started = time.perf_counter()
    with acting(by=IMPORT_ACCOUNT, reason="benchmark"):
        copy_in(VitalSign, rows)
    return time.perf_counter() - started


def measure_cost(patients: list[Any], owner: str, runs: int) -> None:
    """Print what a row of a bulk write costs with history and without, in turns."""
    write(patients, BATCH)
    with_history, without = [], []
    for _ in range(runs):
        with_history.append(write(patients, BATCH) / BATCH * 1e6)
        switch(owner, "DISABLE", HISTORY_TRIGGERS)
        without.append(write(patients, BATCH) / BATCH * 1e6)
        switch(owner, "ENABLE ALWAYS", HISTORY_TRIGGERS)
    with_us, without_us = statistics.median(with_history), statistics.median(without)
    print(f"command   COPY of {BATCH:,} vital signs, {runs} runs each in turns, median")
    print(
        f"history   {with_us:.1f} us a row with, {without_us:.1f} us without: "
        f"{with_us - without_us:.1f} us or {with_us / without_us - 1:.0%} more"
    )
    # What was written without history would be found, rightly.
    switch(owner, "DISABLE", ".")
    as_owner(
        owner,
        "DELETE FROM patients_vitalsign v WHERE NOT EXISTS (SELECT FROM "
        "audit.patients_vitalsignhistory h WHERE h.pgh_obj_id = v.id)",
    )
    switch(owner, "ENABLE ALWAYS", ".")


def switch(owner: str, how: str, names: str) -> None:
    """Switch triggers of readings off or on, which only the owner can."""
    as_owner(
        owner,
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger WHERE "
        f"tgrelid = 'patients_vitalsign'::regclass AND NOT tgisinternal AND tgname ~ '{names}' "
        f"LOOP EXECUTE format('ALTER TABLE patients_vitalsign {how} TRIGGER %I', name); "
        "END LOOP; END $$",
    )


def as_owner(owner: str, statement: str) -> None:
    """Execute a statement as the owner of the tables."""
    import psycopg

    with psycopg.connect(owner) as connection:
        connection.execute(statement)


def fill(patients: list[Any], rows: int) -> None:
    """Write until the history holds `rows`, then seal all of it."""
    from django.db import connection

    from patients.models import VitalSign
    from portal.audit.sealing import seal_all
    from portal.core.history import TRACKED

    started = time.perf_counter()
    while (held := TRACKED[VitalSign].objects.count()) < rows:
        write(patients, min(BATCH, rows - held))
    print(f"filled    to {rows:,} history rows in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    if not seal_all(seconds=600):
        raise SystemExit("sealing waits for a transaction that does not end")
    took = time.perf_counter() - started
    print(f"sealed    in {took:.1f} s: {took / rows * 1e6:.1f} us a row")
    connection.close()


def measure_verification(runs: int) -> list[float]:
    """Verify as a person does; return the seconds of each run."""
    anchor = Path(os.environ["PORTAL_DATA"]) / "witness" / "seals.jsonl"
    command = [sys.executable, str(ROOT / "manage.py"), "verify_audit", "--anchor", str(anchor)]
    print("command   ./run manage verify_audit --anchor witness/seals.jsonl")
    seconds = []
    for number in range(1, runs + 1):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - started)
        if done.returncode:
            raise SystemExit(f"verification failed:\n{done.stdout}{done.stderr}")
        print(f"run {number}     {seconds[-1]:.1f} s: {done.stdout.strip()}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
