"""How many reports a second the pipeline processes, with two worker processes.

The example report of the contract: three answers and one vital sign, with the shipped steps and two
rules in force. Reports are stored first; then the workers take chunks of a hundred from one list.
`--count 200000` shows whether the memory of a worker stays flat.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _run import own_portal

CHUNK = 100
AT = datetime(2026, 11, 20, 0, tzinfo=UTC)


def store(count: int) -> list[tuple[Any, Any]]:
    """Store `count` reports of the demo's patients; return (patient, report) in order."""
    from patients.models import EproReport, Patient
    from portal.core.bulk import copy_in
    from portal.core.history import acting
    from portal.core.ids import INTAKE_ACCOUNT, uuid7
    from trials.models import Instrument

    diary = Instrument.objects.get(code="daily-diary", instrument_version="1.0")
    patients = list(Patient.objects.order_by("id").values_list("id", "site_id"))
    made, rows = [], []
    for number in range(count):
        patient, site = patients[number % len(patients)]
        at = AT + timedelta(minutes=number // len(patients))
        body = {
            "submission_id": str(uuid7()),
            "patient": str(patient),
            "instrument": "daily-diary",
            "instrument_version": "1.0",
            "authored_at": at.isoformat(),
            "answers": {"pain": 3, "nausea": 1, "note": "felt dizzy"},
            "vitals": [
                {
                    "code": "heart_rate",
                    "value": 60 + number % 40,
                    "unit": "/min",
                    "measured_at": at.isoformat(),
                }
            ],
        }
        raw = json.dumps(body).encode()
        key = uuid7()
        made.append((patient, key))
        rows.append(
            {
                "id": key,
                "patient_id": patient,
                "site_id": site,
                "submission_id": body["submission_id"],
                "instrument_code": "daily-diary",
                "instrument_version": "1.0",
                "instrument_id": diary.pk,
                "authored_at": at,
                "received_at": at + timedelta(seconds=1),
                "raw": raw,
                "digest": hashlib.sha256(raw).digest(),
            }
        )
        if len(rows) == 5000 or number == count - 1:
            with acting(by=INTAKE_ACCOUNT, reason="benchmark"):
                copy_in(EproReport, rows)
            rows = []
    return made


def work(chunks: list[list[tuple[Any, Any]]], told: Any) -> None:
    """Process chunks; tell the peak memory after the first tenth and at the end, in KiB."""
    import django

    django.setup()
    from django.db import connection

    from patients.pipeline import chunk

    connection.close()
    early = 0
    for number, some in enumerate(chunks):
        chunk.process("epro_report", {patient for patient, _ in some}, [key for _, key in some])
        if number == len(chunks) // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told.put((early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main() -> None:
    """Run it on a portal of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with own_portal():
        measure(options.count, options.workers)


def measure(count: int, processes: int) -> None:
    """Make the demo, store the reports, let the workers take them."""
    from django.core.management import call_command
    from django.db import connection

    call_command("demo", verbosity=0)
    made = store(count)
    chunks = [made[start : start + CHUNK] for start in range(0, len(made), CHUNK)]
    connection.close()
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    workers = [
        context.Process(target=work, args=(chunks[n::processes], told)) for n in range(processes)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    memory = [told.get() for _ in workers]
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"{len(made)} reports in {seconds:.1f} s (start-up of the workers included): "
        f"{len(made) / seconds:.0f} reports/s; memory after a tenth and at the end, MiB: "
        f"{', '.join(f'{a // 1024} -> {b // 1024}' for a, b in memory)}\n"
    )


if __name__ == "__main__":
    main()
