"""Sites, who leads them, and what they need before they start."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import not_after, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.core.triggers import GuardedTrigger, gate_keeper, never_deleted
from trials.models.protocol_version import ProtocolVersion
from trials.models.sponsor import Institution
from trials.models.trial import Trial
from trials.vocabulary import ApprovalKind, SiteStatus

# E6-11: a site is switched on only after every approval that its country needs is recorded.
_APPROVED_FIRST = GuardedTrigger(
    name="approved_before_active",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    condition=pgtrigger.Q(new__status=SiteStatus.ACTIVE.value),
    func="""
        IF EXISTS (
            SELECT 1 FROM trials_approvalrequirement need
            WHERE need.country IN ('', NEW.country) AND NOT EXISTS (
                SELECT 1 FROM trials_siteapproval given
                WHERE given.site_id = NEW.id AND given.kind = need.kind
            )
        ) THEN
            RAISE EXCEPTION 'site % lacks an approval that its country needs', NEW.code
                USING ERRCODE = 'check_violation',
                CONSTRAINT = 'a_site_is_active_only_after_its_approvals';
        END IF;
        RETURN NEW;
    """,
)

# Whoever was ever here: what they uploaded while here is judged by when the site closed.
_KEEP_GATES = gate_keeper(
    "updated",
    pgtrigger.UpdateOf("closed_at"),
    "SELECT p.id FROM public.patients_patient p WHERE p.site_id = NEW.id "
    "UNION SELECT s.patient_id FROM public.patients_patientsite s WHERE s.site_id = NEW.id",
    condition=pgtrigger.AnyChange("closed_at"),
)


@tracked()
class Site(VersionedModel):
    """One institution in one trial (SDTM SITEID)."""

    access_paths = AccessPaths(trial="trial_id", site="id")

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="sites", verbose_name=_("trial"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="sites", verbose_name=_("institution")
    )
    code = models.CharField(_("code"), max_length=20)
    country = models.CharField(_("country"), max_length=3, blank=True)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        null=True,
        blank=True,
        help_text=_("IANA time zone; empty: unknown"),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=SiteStatus.choices, default=SiteStatus.PLANNED
    )
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        triggers: ClassVar[list[Any]] = [
            *VersionedModel.Meta.triggers,
            _APPROVED_FIRST,
            never_deleted(),
            _KEEP_GATES,
        ]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["trial", "code"], name="site_code_is_unique_in_the_trial"),
            one_of("status", SiteStatus.values, name="site_status_is_known"),
            CheckConstraint(
                condition=~Q(status=SiteStatus.ACTIVE) | Q(activated_at__isnull=False),
                name="an_active_site_has_been_activated",
            ),
            CheckConstraint(
                condition=~Q(status=SiteStatus.ACTIVE) | Q(time_zone__isnull=False),
                name="an_active_site_has_a_time_zone",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["trial", "-created_at", "-id"], name="site_by_trial")
        ]

    def __str__(self) -> str:
        return self.code


class SitePart(VersionedModel):
    """A row of one site."""

    access_paths = AccessPaths(trial="site__trial_id", site="site_id")

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", verbose_name=_("site"))

    class Meta(VersionedModel.Meta):
        abstract = True


class DateRange(Func):
    """The half-open range of days [from, to); open-ended where `to` is NULL."""

    function = "daterange"


@tracked()
class PrincipalInvestigator(SitePart):
    """Who led the site from when to when: one person on any day."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    from_on = models.DateField(_("from"))
    to_on = models.DateField(_("until"), null=True, blank=True)

    class Meta(SitePart.Meta):
        verbose_name = _("principal investigator")
        verbose_name_plural = _("principal investigators")
        constraints: ClassVar[list[Any]] = [
            not_after("from_on", "to_on", name="investigator_tenure_ends_after_it_begins"),
            ExclusionConstraint(
                name="one_principal_investigator_at_a_time",
                expressions=[
                    (F("site"), RangeOperators.EQUAL),
                    (DateRange(F("from_on"), F("to_on")), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}"


@tracked()
class ApprovalRequirement(VersionedModel):
    """A kind of approval that sites of a country need; no country: sites everywhere."""

    access_paths = AccessPaths()

    country = models.CharField(_("country"), max_length=3, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=ApprovalKind.choices)

    class Meta(VersionedModel.Meta):
        verbose_name = _("required approval")
        verbose_name_plural = _("required approvals")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["country", "kind"], name="required_approval_is_stated_once"),
            one_of("kind", ApprovalKind.values, name="required_approval_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.country or '*'} {self.kind}"


@tracked()
class SiteApproval(SitePart):
    """An approval that a site received, for a protocol version or a named document."""

    protocol_version = models.ForeignKey(
        ProtocolVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("protocol version"),
    )
    document = models.CharField(_("document"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=ApprovalKind.choices)
    approved_on = models.DateField(_("approved"))
    effective_on = models.DateField(_("effective from"))
    expires_on = models.DateField(_("expires"), null=True, blank=True)
    reference = models.CharField(_("reference"), max_length=200)

    class Meta(SitePart.Meta):
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints: ClassVar[list[Any]] = [
            one_of("kind", ApprovalKind.values, name="site_approval_kind_is_known"),
            not_after("effective_on", "expires_on", name="an_approval_expires_after_it_begins"),
        ]

    def __str__(self) -> str:
        return self.reference
