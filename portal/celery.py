"""The Celery application: what runs when. Worker and beat start from here (`celery -A portal`)."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

# The tasks import models, and Celery would set Django up only after having imported us.
django.setup()

from celery import signals  # noqa: E402
from celery.schedules import crontab  # noqa: E402
from django_structlog.celery.receivers import CeleryReceiver  # noqa: E402

from portal.core.priority import give_way  # noqa: E402
from portal.core.tasks import app  # noqa: E402
from portal.ops import broker  # noqa: E402

EVERY_HOUR = 3600.0
EVERY_MINUTE = 60.0
EVERY_FIVE_SECONDS = 5.0
AN_HOUR = 3600.0

app.autodiscover_tasks()

# The library's own worker step would say a second time what was sent: its app has said it.
TELLS = CeleryReceiver()
for _name in ("prerun", "retry", "success", "failure", "revoked", "unknown", "rejected"):
    getattr(signals, f"task_{_name}").connect(getattr(TELLS, f"receiver_task_{_name}"))

# Each tick is worth nothing once the next one is due.
app.conf.beat_schedule = {
    "deliver what the relay has left": {
        "task": "portal.outbox.tasks.sweep_outbox",
        "schedule": EVERY_FIVE_SECONDS,
        "options": {"expires": EVERY_FIVE_SECONDS},
    },
    "forget deliveries that were done long ago": {
        "task": "portal.outbox.tasks.purge_outbox",
        "schedule": crontab(minute="40"),
        "options": {"expires": EVERY_MINUTE},
    },
    "plan the diary days of the coming week": {
        "task": "patients.tasks.plan_diaries",
        "schedule": crontab(minute="5,35"),
        "options": {"expires": EVERY_MINUTE},
    },
    "count the diary days that went by": {
        "task": "patients.tasks.miss_diaries",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "take NEWS2 down when its set has expired": {
        "task": "patients.tasks.expire_observation_sets",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "tell sites of uploads that were set aside": {
        "task": "patients.tasks.tell_of_quarantine",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "bring the index of rights in line with the assignments": {
        "task": "trials.tasks.sync_access",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "mark sessions that ran out": {
        "task": "portal.accounts.tasks.close_expired_sessions",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "forget answers that nobody will ask for again": {
        "task": "portal.api.tasks.forget_stored_answers",
        "schedule": EVERY_HOUR,
        "options": {"expires": EVERY_HOUR},
    },
    "forget what the live side needs no more": {
        "task": "portal.live.tasks.tidy_live",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "remove files of reports whose time is over": {
        "task": "portal.documents.tasks.tidy_reports",
        "schedule": EVERY_MINUTE,
        "options": {"expires": EVERY_MINUTE},
    },
    "seal the audit trail": {
        "task": "portal.audit.tasks.seal_audit",
        "schedule": EVERY_FIVE_SECONDS,
        "options": {"expires": EVERY_FIVE_SECONDS},
    },
    "verify the audit trail": {
        "task": "portal.audit.tasks.verify_audit",
        "schedule": crontab(hour="2", minute="10"),
        "options": {"expires": AN_HOUR},
    },
}


@signals.setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Celery sets up no logging of its own: portal.ops.logs has done it."""


@signals.worker_init.connect
def answer_first(**_: Any) -> None:
    """Let uploads and pages have the processors first; the worker's children come after this."""
    give_way()


@signals.task_success.connect
def count_success(sender: Any, **_: Any) -> None:
    """Count for /metrics, which another process answers."""
    broker.count_task(sender.name, "succeeded")


@signals.task_failure.connect
def count_failure(sender: Any, **_: Any) -> None:
    """Count for /metrics, which another process answers."""
    broker.count_task(sender.name, "failed")
