"""Diaries: what was due, what came in, what was answered."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.base import NAMED_BY_RECORDS, ClinicalRecord, FrequentRecord, refers
from patients.models.device import Device
from patients.vocabulary import DiaryState, Disposition, MissingReason, Originator
from portal.core.constraints import not_after, one_of
from portal.core.fields import EarliestField, PartialDateTimeField
from portal.core.history import tracked
from portal.core.triggers import never_deleted
from trials.models import Instrument


class Sha256(Func):
    """PostgreSQL's sha256()."""

    function = "sha256"
    output_field = models.BinaryField()


def original_has_its_digest(name: str) -> CheckConstraint:
    """The constraint that `digest` is the SHA-256 of `raw`."""
    return CheckConstraint(condition=Q(digest=Sha256(F("raw"))), name=name)


@tracked(clinical=True)
class DiaryAssignment(ClinicalRecord):
    """One instrument due on one local day; the window as wall time, zone and UTC (F84)."""

    instrument = models.ForeignKey(
        Instrument, models.PROTECT, related_name="+", verbose_name=_("instrument")
    )
    local_day = models.DateField(_("day"))
    time_zone = models.CharField(_("time zone"), max_length=64)
    opens_local = models.TimeField(_("opens (local)"))
    closes_local = models.TimeField(_("closes (local)"))
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"))
    state = models.CharField(
        _("state"), max_length=10, choices=DiaryState.choices, default=DiaryState.SCHEDULED
    )
    missed_reason = models.CharField(_("reason missed"), max_length=200, blank=True)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("diary day")
        verbose_name_plural = _("diary days")
        triggers: ClassVar[list[Any]] = [*ClinicalRecord.Meta.triggers, never_deleted()]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "instrument", "local_day"], name="one_diary_on_a_local_day"
            ),
            not_after("opens_at", "closes_at", name="a_diary_window_closes_after_it_opens"),
            one_of("state", DiaryState.values, name="diary_state_is_known"),
        ]
        indexes: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.indexes,
            # Which day is due: intake asks this of every report.
            Index(fields=["patient", "instrument", "-opens_at"], name="diaryassignment_due"),
        ]

    def __str__(self) -> str:
        return f"{self.local_day}"


# The history keeps the digest of the original, not a second copy of it.
@tracked(clinical=True, exclude=("raw",))
class EproReport(FrequentRecord):
    """One uploaded report, written once by intake; what became of it stands in ReportProcessing.

    `raw` is the original, byte for byte, with its SHA-256 in `digest`. `foreign_readings` are the
    places in `vitals` of readings whose device somebody else, or nobody, held when they were taken:
    they are quarantined and no step evaluates them.
    """

    submission_id = models.UUIDField(_("submission"))
    instrument_code = models.CharField(_("instrument"), max_length=60)
    instrument_version = models.CharField(_("version"), max_length=20)
    instrument = models.ForeignKey(
        Instrument,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("known instrument"),
        db_index=False,
        db_constraint=False,
    )
    assignment = models.ForeignKey(
        DiaryAssignment,
        models.PROTECT,
        null=True,
        related_name="reports",
        verbose_name=_("day"),
        db_index=False,
        db_constraint=False,
    )
    language = models.CharField(_("language"), max_length=20, blank=True)
    authored_at = models.DateTimeField(_("written"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    saved_at = models.DateTimeField(_("saved on the phone"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"))
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    device_clock_offset_ms = models.BigIntegerField(_("clock offset (ms)"), null=True, blank=True)
    app_version = models.CharField(_("app version"), max_length=40, blank=True)
    device_identifier = models.CharField(_("device as given"), max_length=100, blank=True)
    device = models.ForeignKey(
        Device,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("device"),
        db_index=False,
        db_constraint=False,
    )
    originator = models.CharField(
        _("originator"), max_length=12, choices=Originator.choices, default=Originator.PARTICIPANT
    )
    originator_person = models.CharField(_("person who wrote"), max_length=200, blank=True)
    originator_reason = models.CharField(_("reason they wrote"), max_length=200, blank=True)
    disposition = models.CharField(
        _("disposition"),
        max_length=20,
        choices=Disposition.choices,
        default=Disposition.ACCEPTED,
    )
    raw = models.BinaryField(_("original"), db_column="original")
    digest = models.BinaryField(_("digest"), max_length=32)
    edits = models.JSONField(_("changes before sending"), default=list, blank=True)
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
        verbose_name = _("diary report")
        verbose_name_plural = _("diary reports")
        triggers: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.triggers,
            never_deleted(),
            *refers(
                **NAMED_BY_RECORDS,
                instrument_id="trials_instrument",
                assignment_id="patients_diaryassignment",
                device_id="patients_device",
                recorded_by_id="accounts_user",
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "submission_id"], name="a_submission_is_stored_once"
            ),
            one_of("disposition", Disposition.values, name="report_disposition_is_known"),
            original_has_its_digest("a_report_carries_the_digest_of_its_original"),
            one_of("originator", Originator.values, name="report_originator_is_known"),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "-authored_at", "-id"], name="eproreport_written"),
            # Read backwards by lists. What comes in is the newest: its place is at an end, where
            # pages fill up instead of being split in halves.
            Index(fields=["site", "created_at", "id"], name="eproreport_at_site"),
            Index(fields=["trial", "created_at", "id"], name="eproreport_in_trial"),
            Index(
                fields=["assignment"],
                condition=Q(assignment__isnull=False),
                name="eproreport_of_assignment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_code} {self.authored_at:%Y-%m-%d}"


@tracked(clinical=True)
class DiaryAnswer(FrequentRecord):
    """One item of a report: a value, or the reason why there is none."""

    report = models.ForeignKey(
        EproReport,
        models.PROTECT,
        related_name="answers",
        verbose_name=_("report"),
        db_constraint=False,
    )
    item = models.CharField(_("item"), max_length=60)
    value = models.JSONField(_("value"), null=True, blank=True)
    missing_reason = models.CharField(
        _("reason missing"),
        max_length=15,
        null=True,
        blank=True,
        choices=MissingReason.choices,
    )

    class Meta(FrequentRecord.Meta):
        verbose_name = _("diary answer")
        verbose_name_plural = _("diary answers")
        triggers: ClassVar[list[Any]] = [
            *FrequentRecord.Meta.triggers,
            *refers(**NAMED_BY_RECORDS, report_id="patients_eproreport"),
        ]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(fields=["report", "item"], name="an_item_is_answered_once"),
            CheckConstraint(
                condition=Q(value__isnull=True, missing_reason__isnull=False)
                | Q(value__isnull=False, missing_reason__isnull=True),
                name="an_answer_has_a_value_or_a_reason",
            ),
            one_of(
                "missing_reason", MissingReason.values, name="missing_reason_is_known", null=True
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["patient", "item"], name="diaryanswer_item")]

    def __str__(self) -> str:
        return self.item


@tracked(clinical=True)
class QuestionnaireResult(ClinicalRecord):
    """One item of a questionnaire as recorded on site or imported (SDTM QS)."""

    visit = models.ForeignKey(
        "patients.Visit",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("visit"),
        db_index=False,
    )
    questionnaire = models.CharField(_("questionnaire"), max_length=100)
    subcategory = models.CharField(_("part"), max_length=100, blank=True)
    item_code = models.CharField(_("item code"), max_length=20)
    item = models.CharField(_("item"), max_length=200)
    result_text = models.CharField(_("result as given"), max_length=200, blank=True)
    result_number = models.DecimalField(
        _("result"), max_digits=18, decimal_places=6, null=True, blank=True
    )
    unit = models.CharField(_("unit"), max_length=40, blank=True)
    not_done_reason = models.CharField(_("reason not done"), max_length=200, blank=True)
    answered = PartialDateTimeField(_("answered"), null=True, blank=True)
    answered_earliest = EarliestField("answered")

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("questionnaire result")
        verbose_name_plural = _("questionnaire results")
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient", "item_code"], name="questionnaireresult_item"),
            Index(fields=["trial", "-created_at", "-id"], name="questionnaireresult_by_trial"),
        ]

    def __str__(self) -> str:
        return self.item_code
