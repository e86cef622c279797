"""What every clinical row carries."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Index
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from patients.vocabulary import EntrySource
from portal.access.scoping import AccessPaths
from portal.core.constraints import one_of
from portal.core.models import VersionedModel
from portal.core.triggers import GuardedRowTrigger
from trials.models import ProtocolVersion, Site, Trial

# Trial and site come from the patient, whatever the caller says; only a site where the patient has
# been can be named, for a row captured there. Once placed, a row never moves.
PLACE = GuardedRowTrigger(
    name="placed_by_patient",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("home", "record")],
    func="""
        SELECT p.trial_id, p.site_id INTO home
        FROM public.patients_patient p WHERE p.id = NEW.patient_id;
        NEW.trial_id := home.trial_id;
        IF NEW.site_id IS NULL THEN
            NEW.site_id := home.site_id;
        ELSIF NEW.site_id <> home.site_id AND NOT EXISTS (
            SELECT 1 FROM public.patients_patientsite s
            WHERE s.patient_id = NEW.patient_id AND s.site_id = NEW.site_id
        ) THEN
            RAISE EXCEPTION 'the patient was never at that site' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'a_row_is_captured_where_the_patient_was';
        END IF;
        RETURN NEW;
    """,
)
STAY = GuardedRowTrigger(
    name="never_moves",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("patient_id", "trial_id", "site_id"),
    func="""
        IF (NEW.patient_id, NEW.trial_id, NEW.site_id)
            IS DISTINCT FROM (OLD.patient_id, OLD.trial_id, OLD.site_id) THEN
            RAISE EXCEPTION 'a clinical row never moves' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'a_clinical_row_never_moves';
        END IF;
        RETURN NEW;
    """,
)


class ClinicalRecord(VersionedModel):
    """A row about one patient, kept with the trial and the site where it was captured.

    The nullable references are what electronic forms, imports and exports hang on. Subclasses add
    the list indexes that their lists use.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", verbose_name=_("patient"), db_index=False
    )
    trial = models.ForeignKey(
        Trial,
        models.PROTECT,
        related_name="+",
        verbose_name=_("trial"),
        editable=False,
        db_index=False,
    )
    site = models.ForeignKey(
        Site, models.PROTECT, related_name="+", verbose_name=_("site"), db_index=False
    )
    protocol_version = models.ForeignKey(
        ProtocolVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("protocol version"),
        db_index=False,
    )
    entered_at = models.DateTimeField(_("entered"), null=True, blank=True)
    entry_source = models.CharField(
        _("entered by way of"),
        max_length=10,
        choices=EntrySource.choices,
        default=EntrySource.FORM,
    )
    is_after_lock = models.BooleanField(_("came after the lock"), default=False)
    form_instance = models.UUIDField(null=True, editable=False)
    group_repeat_key = models.CharField(max_length=60, blank=True, editable=False)
    definition_version = models.CharField(max_length=20, blank=True, editable=False)
    imported_dataset = models.CharField(_("dataset"), max_length=8, blank=True, editable=False)
    imported_sequence = models.DecimalField(
        _("sequence"), max_digits=12, decimal_places=3, null=True, editable=False
    )
    imported_sponsor_id = models.CharField(
        _("sponsor's identifier"), max_length=100, blank=True, editable=False
    )
    source_record = models.ForeignKey(
        "patients.SourceRecord",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
    )

    class Meta(VersionedModel.Meta):
        abstract = True
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, PLACE, STAY]
        constraints: ClassVar[list[Any]] = [
            one_of("entry_source", EntrySource.values, name="%(class)s_entry_source_is_known")
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["patient"], name="%(class)s_patient"),
            Index(fields=["site", "-created_at", "-id"], name="%(class)s_site"),
            Index(fields=["trial", "-created_at", "-id"], name="%(class)s_trial"),
        ]


class FrequentRecord(ClinicalRecord):
    """A clinical row of the upload path, of which thousands come in a second.

    Trial and site have no constraint of their own: PLACE takes both from the patient's row, STAY
    keeps them, and neither a trial nor a site is ever deleted. A check of each would lock the one
    row of the trial once more for every row of a batch (ADR 0011).
    """

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

    class Meta(ClinicalRecord.Meta):
        abstract = True
