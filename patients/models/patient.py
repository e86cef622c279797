"""The patient: one person in one trial."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.gate import keep_gates_of_patients, keep_gates_of_stays
from patients.vocabulary import Participation, Sex, Treatment, VitalStatus
from portal.access.models import AnchoredUserPermission, anchor
from portal.access.scoping import AccessPaths
from portal.core.constraints import not_after, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import GuardedRowTrigger, never_deleted
from trials.models import Site, Trial

_NEVER_RENUMBERED = GuardedRowTrigger(
    name="never_renumbered",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("usubjid", "subject_number", "trial_id"),
    func="""
        IF (NEW.usubjid, NEW.subject_number, NEW.trial_id)
            IS DISTINCT FROM (OLD.usubjid, OLD.subject_number, OLD.trial_id) THEN
            RAISE EXCEPTION 'a patient keeps the numbers and the trial they were given'
                USING ERRCODE = 'check_violation',
                CONSTRAINT = 'a_patient_is_never_renumbered';
        END IF;
        RETURN NEW;
    """,
)

_SITE_OF_TRIAL = GuardedRowTrigger(
    name="site_of_trial",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("site_id"),
    func="""
        IF NOT EXISTS (
            SELECT 1 FROM public.trials_site s
            WHERE s.id = NEW.site_id AND s.trial_id = NEW.trial_id
        ) THEN
            RAISE EXCEPTION 'the site belongs to another trial' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'a_patient_is_at_a_site_of_their_trial';
        END IF;
        RETURN NEW;
    """,
)


@tracked(clinical=True)
class Patient(VersionedModel):
    """One person in one trial (ICH E6(R3) participant, SDTM subject).

    Participation, treatment and vital status are derived by patients.rules from the facts and kept
    here for lists; `site` is where the patient is now. Demographics are outside the identity.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="id")

    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="patients", verbose_name=_("trial")
    )
    site = models.ForeignKey(Site, models.PROTECT, related_name="patients", verbose_name=_("site"))
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="patient",
        verbose_name=_("account"),
    )
    usubjid = models.CharField(_("unique subject identifier"), max_length=100)
    subject_number = models.CharField(_("subject number"), max_length=40)
    participation = models.CharField(
        _("participation"),
        max_length=20,
        choices=Participation.choices,
        default=Participation.SCREENING,
    )
    treatment = models.CharField(
        _("treatment"), max_length=12, choices=Treatment.choices, default=Treatment.NOT_STARTED
    )
    vital_status = models.CharField(
        _("vital status"), max_length=8, choices=VitalStatus.choices, default=VitalStatus.UNKNOWN
    )
    sex = models.CharField(_("sex"), max_length=20, blank=True, choices=Sex.choices)
    age = models.DecimalField(
        _("age at consent"), max_digits=7, decimal_places=2, null=True, blank=True
    )
    age_unit = models.CharField(_("unit of age"), max_length=10, blank=True, default="years")
    birth_year = models.PositiveIntegerField(_("year of birth"), null=True, blank=True)
    races = models.JSONField(_("race"), default=list, blank=True)
    ethnicity = models.CharField(_("ethnicity"), max_length=60, blank=True)
    country = models.CharField(_("country"), max_length=3, blank=True)
    # Why a demographic fact is missing, by field name.
    missing_reasons = models.JSONField(_("reasons for missing facts"), default=dict, blank=True)
    source_record = models.ForeignKey(
        "patients.SourceRecord", models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        triggers: ClassVar[list[Any]] = [
            *VersionedModel.Meta.triggers,
            _NEVER_RENUMBERED,
            _SITE_OF_TRIAL,
            never_deleted(),
            *keep_gates_of_patients(),
        ]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["trial", "usubjid"], name="usubjid_is_unique_in_the_trial"),
            UniqueConstraint(
                fields=["trial", "subject_number"], name="subject_number_is_never_reused"
            ),
            one_of("participation", Participation.values, name="participation_is_known"),
            one_of("treatment", Treatment.values, name="treatment_state_is_known"),
            one_of("vital_status", VitalStatus.values, name="vital_status_is_known"),
            CheckConstraint(
                condition=Q(age__isnull=True) | Q(age__gte=0), name="age_is_not_negative"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["-created_at", "-id"], name="patient_newest"),
            Index(fields=["site", "-created_at", "-id"], name="patient_by_site"),
            Index(fields=["trial", "-created_at", "-id"], name="patient_by_trial"),
        ]

    def __str__(self) -> str:
        return self.subject_number


@anchor("patient")
class PatientUserPermission(AnchoredUserPermission):
    """One person holds one permission on one patient: the patient's own account, or a caregiver."""

    content_object = models.ForeignKey(
        Patient, models.CASCADE, related_name="+", verbose_name=_("patient")
    )

    class Meta(AnchoredUserPermission.Meta):
        verbose_name = _("right at a patient")
        verbose_name_plural = _("rights at patients")


class InstantRange(Func):
    """The half-open range of instants [from, to); open-ended where `to` is NULL."""

    function = "tstzrange"


@tracked(clinical=True)
class PatientSite(VersionedModel):
    """Where the patient was from when to when. Rows captured at a site stay with that site."""

    access_paths = AccessPaths(trial="patient__trial_id", site="site_id", patient="patient_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="sites", verbose_name=_("patient")
    )
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", verbose_name=_("site"))
    from_at = models.DateTimeField(_("from"), null=True, blank=True)
    to_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("stay at a site")
        verbose_name_plural = _("stays at sites")
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, *keep_gates_of_stays()]
        constraints: ClassVar[list[Any]] = [
            not_after("from_at", "to_at", name="a_stay_ends_after_it_begins"),
            ExclusionConstraint(
                name="a_patient_is_at_one_site_at_a_time",
                expressions=[
                    (F("patient"), RangeOperators.EQUAL),
                    (InstantRange(F("from_at"), F("to_at")), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # Where a patient was at a time: intake asks this of every upload, and the index of the
            # constraint answers in three times the time.
            Index(fields=["patient", "from_at"], name="patientsite_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.site_id}"


@tracked(clinical=True)
class PatientZone(VersionedModel):
    """Where the patient's clock runs from when on; before the first, it is the site's zone."""

    access_paths = AccessPaths(
        trial="patient__trial_id", site="patient__site_id", patient="patient_id"
    )

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="zones", verbose_name=_("patient")
    )
    time_zone = models.CharField(_("time zone (IANA)"), max_length=64)
    from_at = models.DateTimeField(_("from"))

    class Meta(VersionedModel.Meta):
        verbose_name = _("patient's time zone")
        verbose_name_plural = _("patients' time zones")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["patient", "from_at"], name="a_patient_is_in_one_time_zone_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.time_zone
