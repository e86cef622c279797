"""Adverse events and their versions."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, CheckConstraint, Index, Q, UniqueConstraint, Value, When
from django.utils.translation import gettext_lazy as _

from events.vocabulary import (
    Judgment,
    Outcome,
    Seriousness,
    Severity,
    SeverityScale,
    VersionKind,
)
from patients.models import ClinicalRecord
from patients.vocabulary import EntrySource, YesNoUnknown
from portal.core.constraints import one_of
from portal.core.fields import EarliestField, LatestField, PartialDateTimeField
from portal.core.history import tracked
from portal.core.triggers import announce_rows


def _criterion(label: Any) -> Any:
    return models.CharField(
        label, max_length=7, choices=YesNoUnknown.choices, default=YesNoUnknown.UNKNOWN
    )


_ANY_CRITERION = Q()
for _name in Seriousness.values:
    _ANY_CRITERION |= Q(**{_name: YesNoUnknown.YES})


@tracked(clinical=True)
class AdverseEvent(ClinicalRecord):
    """One verbatim term in one patient, as it stands after its latest version (SDTM AE).

    `is_serious` is computed by the database from the six criteria; `serious_as_reported` is what
    the source said. They may disagree, which is a finding; clocks use the computed one.
    """

    number = models.PositiveIntegerField(_("number"))
    sponsor_id = models.CharField(_("sponsor's identifier"), max_length=100, blank=True)
    term = models.CharField(_("verbatim term"), max_length=500)
    coded_term = models.CharField(_("preferred term"), max_length=200, blank=True)
    system_organ_class = models.CharField(_("system organ class"), max_length=200, blank=True)
    onset = PartialDateTimeField(_("onset"), null=True, blank=True)
    onset_earliest = EarliestField("onset")
    onset_latest = LatestField("onset")
    resolved = PartialDateTimeField(_("resolved"), null=True, blank=True)
    resolved_earliest = EarliestField("resolved")
    resolved_latest = LatestField("resolved")
    outcome = models.CharField(
        _("outcome"), max_length=15, choices=Outcome.choices, default=Outcome.UNKNOWN
    )
    severity_scale = models.CharField(
        _("severity scale"), max_length=25, choices=SeverityScale.choices, blank=True
    )
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices, blank=True)
    severity_grade = models.PositiveSmallIntegerField(
        _("grade"), null=True, blank=True, help_text=_("CTCAE grade, 1 to 5")
    )
    death = _criterion(_("results in death"))
    life_threatening = _criterion(_("life-threatening"))
    hospitalization = _criterion(_("hospitalization"))
    disability = _criterion(_("disability"))
    congenital_anomaly = _criterion(_("congenital anomaly"))
    other_medically_important = _criterion(_("other medically important"))
    is_serious = models.GeneratedField(
        expression=Case(When(_ANY_CRITERION, then=Value(True)), default=Value(False)),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    serious_as_reported = models.CharField(
        _("serious as reported"),
        max_length=7,
        choices=YesNoUnknown.choices,
        default=YesNoUnknown.UNKNOWN,
    )
    causality = models.CharField(_("causality (investigator)"), max_length=60, blank=True)
    treatment_emergent = models.CharField(
        _("treatment-emergent"), max_length=12, blank=True, default="cannot_tell"
    )
    judgment = models.CharField(
        _("medical judgment"), max_length=12, blank=True, choices=Judgment.choices
    )
    site_aware_at = models.DateTimeField(_("site aware"), null=True, blank=True)
    sponsor_aware_at = models.DateTimeField(_("sponsor aware"), null=True, blank=True)
    is_nullified = models.BooleanField(_("nullified"), default=False)

    class Meta(ClinicalRecord.Meta):
        verbose_name = _("adverse event")
        verbose_name_plural = _("adverse events")
        triggers: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.triggers,
            *announce_rows("adverse_event"),
        ]
        constraints: ClassVar[list[Any]] = [
            *ClinicalRecord.Meta.constraints,
            UniqueConstraint(
                fields=["patient", "number"], name="adverse_event_number_is_unique_in_the_patient"
            ),
            UniqueConstraint(
                fields=["trial", "number"],
                condition=Q(entry_source=EntrySource.FORM, entered_at__isnull=False),
                name="a_reported_event_number_is_given_once",
            ),
            CheckConstraint(condition=~Q(term=""), name="an_adverse_event_has_a_verbatim_term"),
            CheckConstraint(
                condition=Q(severity_grade__isnull=True) | Q(severity_grade__range=(1, 5)),
                name="adverse_event_grade_is_ctcae",
            ),
            one_of("judgment", Judgment.values, name="adverse_event_judgment_is_known"),
            one_of("outcome", Outcome.values, name="adverse_event_outcome_is_known"),
            one_of("severity", [*Severity.values, ""], name="adverse_event_severity_is_known"),
            one_of(
                "serious_as_reported", YesNoUnknown.values, name="reported_seriousness_is_known"
            ),
            one_of(
                "treatment_emergent",
                ["yes", "no", "cannot_tell"],
                name="treatment_emergence_is_known",
            ),
            *(
                one_of(name, YesNoUnknown.values, name=f"criterion_{name}_is_known")
                for name in Seriousness.values
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["-created_at", "-id"], name="adverseevent_newest"),
            Index(fields=["patient", "-created_at", "-id"], name="adverseevent_of_patient"),
            Index(fields=["site", "-created_at", "-id"], name="adverseevent_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="adverseevent_by_trial"),
            Index(
                fields=["trial", "-created_at", "-id"],
                name="adverseevent_serious",
                condition=_ANY_CRITERION,
            ),
        ]

    def __str__(self) -> str:
        return self.term

    @property
    def criteria(self) -> dict[str, str]:
        """Return yes, no or unknown by criterion."""
        return {name: getattr(self, name) for name in Seriousness.values}


class EventPart(ClinicalRecord):
    """A row about one adverse event."""

    adverse_event = models.ForeignKey(
        AdverseEvent, models.PROTECT, related_name="+", verbose_name=_("adverse event")
    )

    class Meta(ClinicalRecord.Meta):
        abstract = True
        indexes: ClassVar[list[Any]] = [
            Index(fields=["trial", "-created_at", "-id"], name="%(class)s_trial"),
        ]


@tracked(clinical=True)
class AdverseEventVersion(EventPart):
    """What was known, from whom and when. Versions may arrive in any order."""

    kind = models.CharField(_("kind"), max_length=15, choices=VersionKind.choices)
    ordinal = models.PositiveIntegerField(_("version"))
    information_received_at = models.DateTimeField(_("information received"), null=True)
    site_aware_at = models.DateTimeField(_("site aware"), null=True)
    site_aware_stated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("site awareness stated by"),
    )
    sponsor_aware_at = models.DateTimeField(_("sponsor aware"), null=True)
    sponsor_aware_stated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("sponsor awareness stated by"),
    )
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("reported by"),
    )
    # Whose judgment on seriousness, severity and causality it is, and when they confirmed it.
    judgment = models.CharField(
        _("medical judgment"), max_length=12, blank=True, choices=Judgment.choices
    )
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("judged by"),
        db_index=False,
    )
    judgment_confirmed_at = models.DateTimeField(_("judgment confirmed"), null=True)
    # The facts of the event as this version states them, by field name.
    stated = models.JSONField(_("as stated"), default=dict)
    reason = models.TextField(_("reason"), blank=True)

    class Meta(EventPart.Meta):
        verbose_name = _("version of an adverse event")
        verbose_name_plural = _("versions of adverse events")
        constraints: ClassVar[list[Any]] = [
            *EventPart.Meta.constraints,
            UniqueConstraint(
                fields=["adverse_event", "ordinal"], name="adverse_event_version_is_unique"
            ),
            one_of("kind", VersionKind.values, name="adverse_event_version_kind_is_known"),
            one_of("judgment", Judgment.values, name="adverse_event_version_judgment_is_known"),
            CheckConstraint(
                condition=~Q(kind=VersionKind.FOLLOW_UP)
                | Q(information_received_at__isnull=False)
                | Q(entered_at__isnull=True),
                name="a_follow_up_says_when_it_was_received",
            ),
            CheckConstraint(
                condition=~Q(judgment=Judgment.CONFIRMED)
                | Q(judged_by__isnull=False, judgment_confirmed_at__isnull=False),
                name="a_confirmed_judgment_says_by_whom_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.adverse_event_id} v{self.ordinal}"


@tracked(clinical=True)
class SeriousnessFact(EventPart):
    """When a criterion was met and when that became known."""

    criterion = models.CharField(_("criterion"), max_length=30, choices=Seriousness.choices)
    answer = models.CharField(_("answer"), max_length=7, choices=YesNoUnknown.choices)
    met_on = PartialDateTimeField(_("met"), null=True, blank=True)
    met_on_earliest = EarliestField("met_on")
    known_at = models.DateTimeField(_("known"), null=True)

    class Meta(EventPart.Meta):
        verbose_name = _("seriousness fact")
        verbose_name_plural = _("seriousness facts")
        constraints: ClassVar[list[Any]] = [
            *EventPart.Meta.constraints,
            one_of("criterion", Seriousness.values, name="seriousness_criterion_is_known"),
            one_of("answer", YesNoUnknown.values, name="seriousness_answer_is_known"),
        ]

    def __str__(self) -> str:
        return self.criterion


@tracked(clinical=True)
class SeverityPeriod(EventPart):
    """How intense the event was, from when to when."""

    started = PartialDateTimeField(_("from"), null=True, blank=True)
    ended = PartialDateTimeField(_("until"), null=True, blank=True)
    started_earliest = EarliestField("started")
    scale = models.CharField(_("scale"), max_length=25, choices=SeverityScale.choices)
    scale_version = models.CharField(_("scale version"), max_length=20, blank=True)
    severity = models.CharField(_("severity"), max_length=10, blank=True)
    grade = models.PositiveSmallIntegerField(_("grade"), null=True, blank=True)

    class Meta(EventPart.Meta):
        verbose_name = _("severity period")
        verbose_name_plural = _("severity periods")
        constraints: ClassVar[list[Any]] = [
            *EventPart.Meta.constraints,
            one_of("scale", SeverityScale.values, name="severity_scale_is_known"),
            CheckConstraint(
                condition=Q(grade__isnull=True) | Q(grade__range=(1, 5)),
                name="severity_period_grade_is_ctcae",
            ),
        ]

    def __str__(self) -> str:
        return self.severity or str(self.grade)
