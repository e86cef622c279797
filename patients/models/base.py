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
from portal.core.triggers import GuardedLookup, GuardedRowTrigger
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
# Where thousands of rows come in a second and each says where it belongs, the database looks it up
# for those alone that do not, and holds all of a statement against their patients at its end.
PLACE_UNPLACED = GuardedRowTrigger(
    name="placed_by_patient",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.trial_id IS NULL OR NEW.site_id IS NULL"),
    declare=PLACE.declare,
    func=PLACE.func,
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


# What every clinical row may name, as `refers` takes it.
NAMED_BY_RECORDS = {
    "protocol_version_id": "trials_protocolversion",
    "source_record_id": "patients_sourcerecord",
}


def refers(**tables: str) -> list[GuardedLookup]:
    """The triggers that stand for foreign keys of rows of which thousands come in a second.

    `tables` gives the table of each column that names a row; the patient is always held against
    trial and site besides. One look at a whole statement, where a constraint of PostgreSQL's locks
    the other row once for every row. What is named may not go either: `never_deleted`.
    """
    # The names are the code's own; nothing here is anybody's input. Outer joins begin with the new
    # rows, whatever the planner knows of the other tables.
    joins = " ".join(
        f"LEFT JOIN {table} t_{column} ON t_{column}.id = n.{column}"
        for column, table in tables.items()
    )
    absent = " OR ".join(f"(n.{column} IS NOT NULL AND t_{column}.id IS NULL)" for column in tables)
    func = f"""
        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id {joins}
        WHERE p.id IS NULL OR n.trial_id <> p.trial_id OR {absent}
            OR (n.site_id <> p.site_id AND NOT EXISTS (
                SELECT FROM patients_patientsite s
                WHERE s.patient_id = n.patient_id AND s.site_id = n.site_id));
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        PERFORM FROM new_values n LEFT JOIN patients_patient p ON p.id = n.patient_id {joins}
        WHERE p.id IS NULL OR {absent};
        IF FOUND THEN
            RAISE EXCEPTION 'a row of % names a row that is not there', TG_TABLE_NAME
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'what_a_row_names_is_there';
        END IF;
        RAISE EXCEPTION 'the patient was never there' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'a_row_is_captured_where_the_patient_was';
    """  # noqa: S608
    return [
        GuardedLookup(
            name=f"refers_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(new="new_values"),
            func=func,
        )
        for name, operation in (("insert", pgtrigger.Insert), ("update", pgtrigger.Update))
    ]


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

    Patient, trial and site have no constraint of their own, nor have protocol version, source
    record and what else each row names: a check of each would lock the other row, the one of the
    trial too, once more for every row of a batch. `refers` holds a whole statement against them,
    STAY keeps them, and no row that is named is ever deleted (ADR 0011). A concrete model's Meta
    adds `refers` to the triggers of this one.
    """

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

    protocol_version = models.ForeignKey(
        ProtocolVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("protocol version"),
        db_index=False,
        db_constraint=False,
    )
    source_record = models.ForeignKey(
        "patients.SourceRecord",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    class Meta(ClinicalRecord.Meta):
        abstract = True
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, PLACE_UNPLACED, STAY]
