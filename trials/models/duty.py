"""Who is told next when nobody answers: ladders, and the rosters of who is on duty."""

from datetime import time
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.constraints import not_after, one_of
from portal.core.history import tracked
from portal.core.models import VersionedModel
from portal.notices.vocabulary import LadderKind, Who
from trials.models.site import Site, SitePart
from trials.models.trial import Trial
from trials.vocabulary import DutyLine


@tracked()
class Ladder(VersionedModel):
    """A ladder of a trial, or of one of its sites where that has its own (domain.md 8)."""

    access_paths = AccessPaths(trial="trial_id")

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="+", verbose_name=_("trial"))
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("site")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=LadderKind.choices)

    class Meta(VersionedModel.Meta):
        verbose_name = _("ladder")
        verbose_name_plural = _("ladders")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(
                fields=["trial", "site", "kind"],
                nulls_distinct=False,
                name="a_place_has_one_ladder_of_each_kind",
            ),
            one_of("kind", LadderKind.values, name="ladder_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


@tracked()
class LadderRung(VersionedModel):
    """Whom to tell, how long to wait for them, and how often to tell them again meanwhile."""

    access_paths = AccessPaths(trial="ladder__trial_id")

    ladder = models.ForeignKey(
        Ladder, models.PROTECT, related_name="rungs", verbose_name=_("ladder")
    )
    order = models.PositiveSmallIntegerField(_("order"))
    who = models.CharField(_("who"), max_length=30, choices=Who.choices)
    wait_minutes = models.PositiveSmallIntegerField(_("wait (min)"))
    repeat_every_minutes = models.PositiveSmallIntegerField(_("repeat every (min)"), default=0)
    most_repeats = models.PositiveSmallIntegerField(_("most repeats"), default=0)
    is_in_use = models.BooleanField(_("in use"), default=True)

    class Meta(VersionedModel.Meta):
        verbose_name = _("rung of a ladder")
        verbose_name_plural = _("rungs of ladders")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["ladder", "order"], name="a_ladder_has_one_rung_at_a_place"),
            one_of("who", Who.values, name="a_rung_names_known_people"),
            CheckConstraint(
                condition=Q(wait_minutes__range=(1, 1440)), name="a_rung_waits_at_most_a_day"
            ),
            CheckConstraint(
                condition=Q(most_repeats=0) | Q(repeat_every_minutes__gte=1),
                name="repeats_are_minutes_apart",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.get_who_display()}"


def every_day() -> list[int]:
    """Return the days of the week, Monday first (ISO 8601)."""
    return [1, 2, 3, 4, 5, 6, 7]


@tracked()
class RosterShift(SitePart):
    """Somebody is on duty at a site on some days of the week, by the site's own clock.

    `from_time` equal to `to_time` is the whole day; a shift past midnight belongs to the day on
    which it begins.
    """

    line = models.CharField(
        _("line"), max_length=10, choices=DutyLine.choices, default=DutyLine.FIRST
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    phone = models.CharField(_("telephone"), max_length=40)
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(), verbose_name=_("days of the week"), default=every_day
    )
    from_time = models.TimeField(_("from"), default=time(0))
    to_time = models.TimeField(_("until"), default=time(0))
    from_on = models.DateField(_("first day"))
    to_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta(SitePart.Meta):
        verbose_name = _("shift of a roster")
        verbose_name_plural = _("shifts of rosters")
        constraints: ClassVar[list[Any]] = [
            one_of("line", DutyLine.values, name="duty_line_is_known"),
            not_after("from_on", "to_on", name="a_shift_ends_after_it_begins"),
            CheckConstraint(
                condition=Q(weekdays__len__gte=1) & Q(weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7]),
                name="a_shift_has_days_of_the_week",
            ),
        ]
        indexes: ClassVar[list[Any]] = [Index(fields=["site", "line"], name="shift_of_site")]

    def __str__(self) -> str:
        return f"{self.line} {self.person_id}"
