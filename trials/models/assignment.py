"""Assignments and delegations: the truth about access (domain.md 3)."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.access.roles import ROLES
from portal.access.scoping import AccessPaths
from portal.core.constraints import one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from trials.models.site import Site, SitePart
from trials.models.sponsor import Sponsor
from trials.models.trial import Trial
from trials.vocabulary import AssignmentScope, DelegatedTask


def _names_only(scope: AssignmentScope) -> Q:
    """The condition that exactly the column of `scope` is set."""
    columns = {"sponsor", "trial", "site"}
    nulls = {f"{name}__isnull": name != scope.value for name in columns}
    return Q(scope=scope, **nulls)


@tracked()
class Assignment(VersionedModel):
    """A person holds a role for a sponsor, a trial or a site, from when to when."""

    access_paths = AccessPaths(trial="trial_id", site="site_id")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="assignments",
        verbose_name=_("person"),
    )
    organization = models.CharField(_("organization"), max_length=200, blank=True)
    role = models.CharField(_("role"), max_length=40)
    scope = models.CharField(_("scope"), max_length=10, choices=AssignmentScope.choices)
    sponsor = models.ForeignKey(
        Sponsor, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("sponsor")
    )
    trial = models.ForeignKey(
        Trial, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("trial")
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("site")
    )
    from_at = models.DateTimeField(_("from"))
    to_at = models.DateTimeField(_("until"), null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("granted by")
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("deputy"),
    )

    class Meta(VersionedModel.Meta):
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar[list[Any]] = [
            one_of("role", ROLES, name="assignment_role_is_known"),
            CheckConstraint(
                condition=_names_only(AssignmentScope.PORTAL)
                | _names_only(AssignmentScope.SPONSOR)
                | _names_only(AssignmentScope.TRIAL)
                | _names_only(AssignmentScope.SITE),
                name="an_assignment_names_exactly_its_scope",
            ),
            CheckConstraint(
                condition=Q(to_at__isnull=True) | Q(to_at__gte=F("from_at")),
                name="an_assignment_ends_after_it_begins",
            ),
            CheckConstraint(
                condition=Q(deputy__isnull=True) | ~Q(deputy=F("person")),
                name="nobody_deputizes_for_themselves",
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["person", "to_at"], name="assignment_held")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.role}"


@tracked()
class Delegation(SitePart):
    """A task that the site's principal investigator gives to a person (ICH E6(R3) 2.3).

    `recorded_at` is when it was entered; an earlier `effective_from` never grants backwards.
    """

    principal_investigator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("principal investigator"),
    )
    delegate = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("delegate")
    )
    task = models.CharField(_("task"), max_length=30, choices=DelegatedTask.choices)
    effective_from = models.DateTimeField(_("effective from"))
    effective_to = models.DateTimeField(_("effective until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    trained_on = models.DateField(_("trained"), null=True, blank=True)
    training = models.CharField(_("training"), max_length=200, blank=True)

    class Meta(SitePart.Meta):
        verbose_name = _("delegation")
        verbose_name_plural = _("delegations")
        constraints: ClassVar[list[Any]] = [
            one_of("task", DelegatedTask.values, name="delegated_task_is_known"),
            CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gte=F("effective_from")),
                name="a_delegation_ends_after_it_begins",
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["delegate", "site"], name="delegation_held")]

    def __str__(self) -> str:
        return f"{self.delegate_id} {self.task}"
