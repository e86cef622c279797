"""The trial and what is declared for it as a whole."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import never_deleted
from trials.models.sponsor import Sponsor
from trials.vocabulary import Blinding, Phase, TrialStatus


@tracked()
class Trial(VersionedModel):
    """A clinical trial (SDTM STUDYID)."""

    access_paths = AccessPaths(trial="id")

    sponsor = models.ForeignKey(
        Sponsor, models.PROTECT, related_name="trials", verbose_name=_("sponsor")
    )
    number = models.CharField(_("number"), max_length=40)
    title = models.CharField(_("title"), max_length=500)
    phase = models.CharField(
        _("phase"), max_length=20, choices=Phase.choices, default=Phase.NOT_APPLICABLE
    )
    status = models.CharField(
        _("status"), max_length=20, choices=TrialStatus.choices, default=TrialStatus.PLANNED
    )
    blinding = models.CharField(_("blinding"), max_length=10, choices=Blinding.choices)
    unblinded_at = models.DateTimeField(_("unblinded"), null=True, blank=True)
    safety_zone = models.CharField(
        _("zone of regulatory days"), max_length=64, default="UTC", help_text=_("IANA time zone")
    )
    is_imported = models.BooleanField(_("imported"), default=False, editable=False)

    class Meta(VersionedModel.Meta):
        verbose_name = _("trial")
        verbose_name_plural = _("trials")
        triggers: ClassVar[list[Any]] = [*VersionedModel.Meta.triggers, never_deleted()]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["sponsor", "number"], name="trial_number_is_unique_in_the_sponsor"
            ),
            one_of("phase", Phase.values, name="trial_phase_is_known"),
            one_of("status", TrialStatus.values, name="trial_status_is_known"),
            one_of("blinding", Blinding.values, name="trial_blinding_is_known"),
            CheckConstraint(
                condition=Q(unblinded_at__isnull=True) | ~Q(blinding=Blinding.OPEN),
                name="an_open_trial_is_never_unblinded",
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["-created_at", "-id"], name="trial_newest")]

    def __str__(self) -> str:
        return self.number

    @property
    def is_blinded(self) -> bool:
        """Whether allocation must not be seen by the blinded."""
        return self.blinding != Blinding.OPEN and self.unblinded_at is None


class TrialPart(VersionedModel):
    """A row of the trial as a whole: open to everybody who sees the trial."""

    access_paths = AccessPaths(trial="trial_id")

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="+", verbose_name=_("trial"))

    class Meta(VersionedModel.Meta):
        abstract = True


@tracked()
class TrialIdentifier(TrialPart):
    """The trial's number in a registry."""

    registry = models.CharField(_("registry"), max_length=60)
    value = models.CharField(_("number"), max_length=60)

    class Meta(TrialPart.Meta):
        verbose_name = _("registry number")
        verbose_name_plural = _("registry numbers")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "registry", "value"], name="registry_number_is_stated_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.registry} {self.value}"


@tracked()
class DictionaryRelease(TrialPart):
    """The release of a dictionary (MedDRA, WHODrug, CTCAE) in force from a date."""

    dictionary = models.CharField(_("dictionary"), max_length=40)
    release = models.CharField(_("release"), max_length=40)
    effective_on = models.DateField(_("in force from"))

    class Meta(TrialPart.Meta):
        verbose_name = _("dictionary release")
        verbose_name_plural = _("dictionary releases")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "dictionary", "effective_on"],
                name="one_dictionary_release_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dictionary} {self.release}"


@tracked()
class TrialParameter(TrialPart):
    """One parameter of the trial summary (SDTM TS)."""

    code = models.CharField(_("code"), max_length=8)
    ordinal = models.PositiveIntegerField(_("order"), default=1)
    group = models.CharField(_("group"), max_length=40, blank=True)
    name = models.CharField(_("name"), max_length=80)
    value = models.TextField(_("value"), blank=True)

    class Meta(TrialPart.Meta):
        verbose_name = _("trial parameter")
        verbose_name_plural = _("trial parameters")

    def __str__(self) -> str:
        return self.code
