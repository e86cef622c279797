"""The person behind patients: ciphertext in a schema of its own (PV-01)."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient
from portal.access.scoping import AccessPaths
from portal.core.constraints import sealed_under
from portal.core.history import tracked
from portal.core.models import VersionedModel, in_schema
from trials.models import Institution


@in_schema("identity")
@tracked(clinical=True, exclude=("name_index", "identifier_indexes"))
class Identity(VersionedModel):
    """A person, held by the institution. A second trial is a second Patient of the same person.

    Every column of personal data is AEAD ciphertext under the person's own key, whose id stands
    beside it (IdentityKey); `name_index` and `identifier_indexes` are keyed digests for equality
    search, which no history keeps: they would outlive an erasure.
    """

    access_paths = AccessPaths(
        trial="patients__patient__trial",
        site="patients__patient__site",
        patient="patients__patient",
        through_many=True,
    )

    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="+", verbose_name=_("institution")
    )
    key_id = models.CharField(_("key"), max_length=40)
    name = models.BinaryField(_("name"), null=True)
    birth_date = models.BinaryField(_("date of birth"), null=True)
    contact = models.BinaryField(_("contact"), null=True)
    identifiers = models.BinaryField(_("identifiers"), null=True)
    name_index = models.BinaryField(null=True, editable=False)
    identifier_indexes: "ArrayField[list[bytes], list[bytes]]" = ArrayField(
        models.BinaryField(), default=list, editable=False
    )
    # Which key made the digests, so that those of an older one are found and made anew.
    index_key_id = models.CharField(max_length=40, default="", editable=False)
    contact_erased_at = models.DateTimeField(_("contact erased"), null=True, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)

    class Meta(VersionedModel.Meta):
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        indexes: ClassVar[list[Any]] = [
            Index(fields=["name_index"], name="identity_name"),
            GinIndex(fields=["identifier_indexes"], name="identity_identifiers"),
        ]
        constraints: ClassVar[list[Any]] = [
            sealed_under(column, "key_id", name=f"identity_{column}_is_sealed")
            for column in ("name", "birth_date", "contact", "identifiers")
        ]

    def __str__(self) -> str:
        return str(self.pk)


@in_schema("identity")
@tracked(clinical=True, exclude=("person_key", "contact_key"))
class IdentityKey(VersionedModel):
    """The keys of one writing of an identity: for how to reach the person, and for the rest.

    They are random, made anew with every writing, and stand here wrapped under the ring alone. Its
    id is the key id in the sealed columns. History holds ciphertext and never a key, so what is
    destroyed here is gone from history too (PV-05).
    """

    access_paths = AccessPaths(
        trial="identity__patients__patient__trial",
        site="identity__patients__patient__site",
        patient="identity__patients__patient",
        through_many=True,
    )

    identity = models.ForeignKey(
        Identity, models.PROTECT, related_name="keys", verbose_name=_("identity")
    )
    key_id = models.CharField(_("key"), max_length=40)
    person_key = models.BinaryField(null=True, editable=False)
    contact_key = models.BinaryField(null=True, editable=False)

    class Meta(VersionedModel.Meta):
        verbose_name = _("key of an identity")
        verbose_name_plural = _("keys of identities")
        constraints: ClassVar[list[Any]] = [
            sealed_under(column, "key_id", name=f"identity_{column}_is_wrapped")
            for column in ("person_key", "contact_key")
        ]

    def __str__(self) -> str:
        return str(self.pk)


@in_schema("identity")
@tracked(clinical=True)
class PatientIdentity(VersionedModel):
    """Which person a patient is. The link is visible only to site staff of both trials."""

    access_paths = AccessPaths(
        trial="patient__trial_id", site="patient__site_id", patient="patient_id"
    )

    identity = models.ForeignKey(
        Identity, models.PROTECT, related_name="patients", verbose_name=_("identity")
    )
    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="+", verbose_name=_("patient")
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("identity of a patient")
        verbose_name_plural = _("identities of patients")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["patient"], name="a_patient_is_one_person")
        ]

    def __str__(self) -> str:
        return str(self.pk)
