"""Where imported values come from: the file, the row, the original variables."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from portal.access.scoping import AccessPaths
from portal.core.append_only import AppendOnlyModel
from portal.core.history import tracked
from portal.core.models import VersionedModel, in_schema
from trials.models import Site, Trial


@tracked()
class SourceFile(VersionedModel):
    """One file of one import. `folder_digest` is the digest of the whole folder (SHA-256, hex)."""

    access_paths = AccessPaths(trial="trial_id")

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="+", verbose_name=_("trial"))
    name = models.CharField(_("name"), max_length=255)
    digest = models.CharField(_("digest"), max_length=64)
    folder_digest = models.CharField(_("digest of the folder"), max_length=64)
    dataset = models.CharField(_("dataset"), max_length=40)
    label = models.CharField(_("label"), max_length=200, blank=True)
    row_count = models.PositiveIntegerField(_("rows"))
    # Name, label, type and length of each variable, in the file's order.
    variables = models.JSONField(_("variables"), default=list)

    class Meta(VersionedModel.Meta):
        verbose_name = _("source file")
        verbose_name_plural = _("source files")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["trial", "name"], name="a_source_file_is_imported_once")
        ]

    def __str__(self) -> str:
        return self.name


class AbstractSourceRecord(AppendOnlyModel):
    """One row of a file, as it was: its own history."""

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    file = models.ForeignKey(
        SourceFile, models.PROTECT, related_name="+", verbose_name=_("file"), db_index=False
    )
    trial = models.ForeignKey(
        Trial, models.PROTECT, related_name="+", verbose_name=_("trial"), db_index=False
    )
    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("patient"),
        db_index=False,
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, related_name="+", verbose_name=_("site"), db_index=False
    )
    row_number = models.PositiveIntegerField(_("row"))
    variables = models.JSONField(_("variables"))

    class Meta:
        abstract = True


class SourceRecord(AbstractSourceRecord):
    """The open variables of a row."""

    class Meta:
        triggers = AppendOnlyModel.Meta.triggers
        verbose_name = _("source record")
        verbose_name_plural = _("source records")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["file", "row_number"], name="a_source_row_is_kept_once")
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["patient"], name="sourcerecord_patient")]

    def __str__(self) -> str:
        return f"{self.file_id}:{self.row_number}"


@in_schema("allocation")
class ProtectedSourceRecord(AbstractSourceRecord):
    """The unblinding variables of a row (domain.md 6), in the protected schema."""

    class Meta:
        triggers = AppendOnlyModel.Meta.triggers
        verbose_name = _("protected source record")
        verbose_name_plural = _("protected source records")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["file", "row_number"], name="a_protected_source_row_is_kept_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_id}:{self.row_number}"
