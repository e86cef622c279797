"""Store readings at a rate, each in a transaction of its own.

`readings.py COUNT PER_SECOND PATIENT...` prints [reading, microseconds at which its commit was
sent] for each, and stays until they have arrived.
"""

import json
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from patients.models import VitalSign  # noqa: E402
from portal.core import clock  # noqa: E402
from portal.core.history import acting  # noqa: E402
from portal.core.ids import SYSTEM_ACCOUNT  # noqa: E402
from portal.core.partial_dates import PartialDateTime  # noqa: E402

SETTLE_SECONDS = 2.0


def store(patient: str, value: int) -> tuple[str, int]:
    """Store one reading; return it and when its commit was sent."""
    at = clock.now()
    with transaction.atomic(), acting(by=SYSTEM_ACCOUNT, at=at, reason="benchmark", source="api"):
        row = VitalSign.objects.create(
            patient_id=patient,
            code="heart_rate",
            value=value,
            unit="/min",
            original_value=str(value),
            original_unit="/min",
            measured=PartialDateTime(at.isoformat(timespec="milliseconds")),
            received_at=at,
        )
        # Checks that wait for the commit are part of storing, not of telling.
        connection.check_constraints()
        committed = time.time_ns() // 1000
    return str(row.pk), committed


if __name__ == "__main__":
    count, per_second, patients = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    connection.ensure_connection()
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        print(json.dumps(store(patients[number % len(patients)], 55 + number % 60)))
    time.sleep(SETTLE_SECONDS)
