"""What comes in beside diary reports, what became of it, and what could not be taken in."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import NAMED_BY_RECORDS, FrequentRecord, refers
from patients.models.epro import EproReport, original_has_its_digest
from patients.models.patient import Patient
from patients.vocabulary import Disposition, QuarantineReason, ReportStatus, UploadResource
from portal.access.scoping import AccessPaths
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import never_deleted
from trials.models import Site, Trial


@tracked(clinical=True, exclude=("raw",))
class VitalsUpload(FrequentRecord):
    """Readings of one patient as uploaded, written once by intake.

    `raw` is the whole original, byte for byte. A bedside gateway sends readings of many patients at
    once: each patient has a row of their own, and `foreign_readings` names the places of the
    readings that are not theirs. `authored_at` is the time of the earliest reading of theirs.
    """

    submission_id = models.UUIDField(_("submission"))
    authored_at = models.DateTimeField(_("first measured"))
    received_at = models.DateTimeField(_("received"))
    disposition = models.CharField(
        _("disposition"),
        max_length=20,
        choices=Disposition.choices,
        default=Disposition.ACCEPTED,
    )
    raw = models.BinaryField(_("original"), db_column="original")
    digest = models.BinaryField(_("digest"), max_length=32)
    foreign_readings = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("readings of devices of others"),
        default=list,
        blank=True,
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by"),
        db_index=False,
        db_constraint=False,
    )
    recorded_through = models.UUIDField(_("session"), null=True, editable=False)

    class Meta(FrequentRecord.Meta):
        verbose_name = _("upload of readings")
        verbose_name_plural = _("uploads of readings")
        triggers: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.triggers,
            never_deleted(),
            *refers(**NAMED_BY_RECORDS, recorded_by_id="accounts_user"),
        ]
        constraints: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "submission_id"], name="an_upload_of_readings_is_stored_once"
            ),
            one_of("disposition", Disposition.values, name="upload_disposition_is_known"),
            original_has_its_digest("an_upload_carries_the_digest_of_its_original"),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["site", "created_at", "id"], name="vitalsupload_at_site"),
            Index(fields=["trial", "created_at", "id"], name="vitalsupload_in_trial"),
        ]

    def __str__(self) -> str:
        return str(self.submission_id)


@tracked()
class ReportProcessing(VersionedModel):
    """How far the pipeline has come with one upload. No row: received and not looked at yet.

    What it names is held as a FrequentRecord holds it.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        related_name="+",
        verbose_name=_("patient"),
        db_index=False,
        db_constraint=False,
    )
    trial = models.ForeignKey(
        Trial,
        models.PROTECT,
        related_name="+",
        verbose_name=_("trial"),
        editable=False,
        db_index=False,
        db_constraint=False,
    )
    site = models.ForeignKey(
        Site,
        models.PROTECT,
        related_name="+",
        verbose_name=_("site"),
        db_index=False,
        db_constraint=False,
    )
    report = models.OneToOneField(
        EproReport,
        models.PROTECT,
        null=True,
        related_name="processing",
        verbose_name=_("diary report"),
        db_constraint=False,
    )
    vitals_upload = models.OneToOneField(
        VitalsUpload,
        models.PROTECT,
        null=True,
        related_name="processing",
        verbose_name=_("upload of readings"),
        db_constraint=False,
    )
    status = models.CharField(
        _("status"), max_length=12, choices=ReportStatus.choices, default=ReportStatus.PROCESSING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    pipeline_version = models.CharField(_("version of the pipeline"), max_length=20, blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("processing of an upload")
        verbose_name_plural = _("processing of uploads")
        triggers: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.triggers,
            *refers(report_id="patients_eproreport", vitals_upload_id="patients_vitalsupload"),
        ]
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=Q(report__isnull=True, vitals_upload__isnull=False)
                | Q(report__isnull=False, vitals_upload__isnull=True),
                name="processing_is_of_exactly_one_upload",
            ),
            one_of(
                "status",
                [
                    value
                    for value in ReportStatus.values
                    if value not in (ReportStatus.RECEIVED, ReportStatus.QUARANTINED)
                ],
                name="processing_status_is_known",
            ),
            CheckConstraint(
                condition=~Q(status=ReportStatus.FAILED) | ~Q(last_error=""),
                name="a_failed_upload_says_why",
            ),
            CheckConstraint(
                condition=~Q(status=ReportStatus.PROCESSED) | Q(processed_at__isnull=False),
                name="a_processed_upload_says_when",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(
                fields=["site", "-created_at", "-id"],
                condition=Q(status=ReportStatus.FAILED),
                name="reportprocessing_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report_id or self.vitals_upload_id} {self.status}"


@tracked(clinical=True, exclude=("raw",))
class QuarantinedSubmission(VersionedModel):
    """What somebody sent and no record was made of, as it came, for the site to look at.

    A body that was refused, a second content under a submission's id, a reading of a device that
    somebody else held. `site` is the uploader's own; it is empty where they have none.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    trial = models.ForeignKey(
        Trial,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("trial"),
        db_index=False,
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, related_name="+", verbose_name=_("site"), db_index=False
    )
    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("patient"),
        db_index=False,
    )
    resource = models.CharField(_("what was sent"), max_length=20, choices=UploadResource.choices)
    reason = models.CharField(_("reason"), max_length=30, choices=QuarantineReason.choices)
    code = models.CharField(_("code of the refusal"), max_length=60, blank=True)
    # JSON pointers into the body, with the code of each refused part.
    errors = models.JSONField(_("refused parts"), default=list, blank=True)
    submission_id = models.UUIDField(_("submission"), null=True)
    # The record that was kept, where there is one: the first of two, the report around a reading.
    record_id = models.UUIDField(_("record that was kept"), null=True, editable=False)
    raw = models.BinaryField(_("original"), db_column="original")
    digest = models.BinaryField(_("digest"), max_length=32)
    received_at = models.DateTimeField(_("received"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("sent by"),
        db_index=False,
    )
    recorded_through = models.UUIDField(_("session"), editable=False)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("resolved by"),
        db_index=False,
    )
    resolution = models.TextField(_("what was done"), blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("quarantined submission")
        verbose_name_plural = _("quarantined submissions")
        constraints: ClassVar[list[Any]] = [
            # Phones repeat what was refused: it is kept once.
            UniqueConstraint(
                fields=["recorded_through", "digest", "reason"],
                name="a_refused_body_is_quarantined_once",
            ),
            one_of("reason", QuarantineReason.values, name="quarantine_reason_is_known"),
            one_of("resource", UploadResource.values, name="quarantined_resource_is_known"),
            original_has_its_digest("a_quarantined_body_has_its_digest"),
            both_or_neither("resolved_at", "resolved_by", name="quarantine_resolved_by_and_at"),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["site", "-created_at", "-id"], name="quarantine_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="quarantine_by_trial"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.received_at:%Y-%m-%d}"
