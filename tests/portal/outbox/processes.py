"""A relay or worker of its own, with handlers of tests: `python -m tests.portal.outbox.processes`.

The handler writes one line to the ledger table for each effect, in its own transaction, so that an
effect done twice is seen.
"""

import os
import sys
from collections.abc import Sequence

import django
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def record_effect(messages: "Sequence[object]") -> None:
    """Write down that each message had its effect."""
    for message in messages:
        if signal := message.payload.get("deadly"):  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outbox_test_ledger (message_id) VALUES (%s)",
            [[message.id] for message in messages],  # type: ignore[attr-defined]
        )


def register() -> None:
    """Leave this handler alone."""
    from portal.outbox import registry
    from portal.outbox.kinds import Kind

    registry.HANDLERS.clear()
    record_effect.__module__ = "tests.portal.outbox.processes"
    registry.handles_many(Kind.SUBMISSION_QUARANTINED)(record_effect)


if __name__ == "__main__":
    django.setup()
    register()
    if sys.argv[1] == "relay":
        from django.core.management import call_command

        call_command("relay")
    else:
        from portal.celery import app

        app.conf.broker_transport_options |= {
            "visibility_timeout": int(os.environ.get("VISIBILITY_SECONDS", "3600")),
            # Looks for what became visible every two seconds, and not every hundred.
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
        }
        app.worker_main(
            ["--quiet", "worker", "-Q", "safety,default,outbox", "--without-gossip",
             "--without-mingle", "--concurrency", os.environ.get("CONCURRENCY", "1")]
        )  # fmt: skip
