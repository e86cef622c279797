"""A report, what was told of its progress, and who works at it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core import clock
from portal.core.constraints import both_or_neither, not_after, one_of
from portal.core.history import tracked
from portal.core.ids import uuid7
from portal.core.models import TimestampedModel, VersionedModel
from portal.documents.vocabulary import ReportState, Told


@tracked()
class ReportUpload(TimestampedModel):
    """A file that somebody sent to be worked at: where it came from, and that it is unchanged.

    The file lies beside the reports until it was used or its time is over; the row stays.
    """

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("uploaded by")
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.BigIntegerField(_("size in bytes"))
    expires_at = models.DateTimeField(_("kept until"))

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(condition=Q(size__gt=0), name="an_uploaded_file_has_content"),
            CheckConstraint(
                condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="an_upload_has_its_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.size})"


@tracked(exclude=("held",))
class Report(VersionedModel):
    """Long work that somebody asked for, and what came of it: the row is the queue.

    How far it is stands in ReportProgress, so that a version is a state and not a percentage.
    `held` is what the person was allowed to read when the work began: ids of trials and sites.
    """

    access_paths = AccessPaths(trial="trial_id")

    kind = models.CharField(_("kind"), max_length=40)
    parameters = models.JSONField(_("parameters"), default=dict)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked for by")
    )
    upload = models.ForeignKey(
        ReportUpload, models.PROTECT, null=True, related_name="reports", verbose_name=_("file")
    )
    trial_id = models.UUIDField(_("trial"), null=True)
    state = models.CharField(
        _("state"), max_length=20, choices=ReportState.choices, default=ReportState.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    held = models.JSONField(_("rights when asked for"), default=dict)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)
    failure_code = models.CharField(_("code of the failure"), max_length=60, blank=True)
    failure = models.TextField(_("why it failed"), blank=True)
    content_type = models.CharField(_("content type"), max_length=100, blank=True)
    extension = models.CharField(_("file ending"), max_length=10, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    size = models.BigIntegerField(_("size in bytes"), null=True)
    expires_at = models.DateTimeField(_("file kept until"), null=True)
    cancel_requested_at = models.DateTimeField(_("canceled"), null=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("canceled by"),
    )

    class Meta(VersionedModel.Meta):
        abstract = False
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints: ClassVar[list[Any]] = [
            one_of("state", ReportState.values, name="report_state_is_known"),
            CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["finished", "failed", "canceled"], finished_at__isnull=False),
                name="a_report_is_open_or_ended",
            ),
            CheckConstraint(
                condition=~Q(state__in=["running", "finished"]) | Q(started_at__isnull=False),
                name="a_report_that_ran_was_started",
            ),
            CheckConstraint(
                condition=Q(state="failed") & ~Q(failure_code="")
                | ~Q(state="failed") & Q(failure_code="", failure=""),
                name="a_report_says_why_it_failed",
            ),
            CheckConstraint(
                condition=Q(sha256="", size__isnull=True, expires_at__isnull=True)
                | Q(
                    state="finished",
                    sha256__regex="^[0-9a-f]{64}$",
                    size__gte=0,
                    expires_at__isnull=False,
                ),
                name="only_a_finished_report_has_a_file",
            ),
            both_or_neither(
                "cancel_requested_at", "cancel_requested_by", name="report_canceled_by_and_at"
            ),
            not_after("started_at", "finished_at", name="a_report_ends_after_it_began"),
        ]
        indexes: ClassVar[list[Any]] = [
            Index("requested_by", F("created_at").desc(), F("id").desc(), name="report_of_person"),
            Index(F("created_at").desc(), F("id").desc(), name="report_newest"),
            Index(
                "created_at",
                "id",
                name="report_open",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers]

    def __str__(self) -> str:
        return self.kind

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in (ReportState.QUEUED, ReportState.RUNNING)


class ReportProgress(models.Model):
    """One line of progress; `number` counts from 1 without gaps for each report.

    Written once. Not a record: how far a piece of work was. What became of it is in the report.
    """

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(
        Report, models.PROTECT, related_name="progress", db_index=False, verbose_name=_("report")
    )
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("what"), max_length=10, choices=Told.choices)
    attempt = models.PositiveSmallIntegerField(_("attempt"))
    percent = models.PositiveSmallIntegerField(_("percent"), default=0)
    step = models.CharField(_("step"), max_length=60, blank=True)
    done = models.BigIntegerField(_("done"), null=True)
    total = models.BigIntegerField(_("of"), null=True)
    at = models.DateTimeField(_("at"), default=clock.now)

    class Meta:
        verbose_name = _("line of progress")
        verbose_name_plural = _("lines of progress")
        constraints: ClassVar[list[Any]] = [
            one_of("kind", Told.values, name="progress_kind_is_known"),
            UniqueConstraint(fields=["report", "number"], name="progress_is_numbered_once"),
            CheckConstraint(condition=Q(percent__lte=100), name="progress_ends_at_a_hundred"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class ReportLease(models.Model):
    """Who works at a report, and until when that is believed without a sign of life."""

    report = models.OneToOneField(
        Report, models.PROTECT, primary_key=True, related_name="lease", verbose_name=_("report")
    )
    token = models.UUIDField(_("token"), default=uuid7)
    leased_until = models.DateTimeField(_("leased until"))

    class Meta:
        verbose_name = _("lease of a report")
        verbose_name_plural = _("leases of reports")

    def __str__(self) -> str:
        return str(self.token)
