"""Words of reports."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ReportState(TextChoices):
    """Where a report stands."""

    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    FINISHED = "finished", _("finished")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


class Told(TextChoices):
    """What a line of progress tells."""

    STARTED = "started", _("started")
    STEP = "step", _("step")
    PERCENT = "percent", _("percent")
    FINISHED = "finished", _("finished")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


OPEN = (ReportState.QUEUED, ReportState.RUNNING)
LAST = frozenset({Told.FINISHED, Told.FAILED, Told.CANCELED})
