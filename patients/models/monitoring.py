"""What a site watches, and for how long a reading is fresh."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from patients.vocabulary import CareSetting
from portal.core.constraints import one_of
from portal.core.history import tracked
from trials.models import SitePart


@tracked()
class MonitoringPlan(SitePart):
    """How the patients of one site are watched (domain.md 7, 8).

    `fresh_for` holds seconds by vital code: an older reading is shown gray. Without a plan a site
    has no NEWS2 and the defaults of patients.topics.
    """

    setting = models.CharField(
        _("setting"), max_length=10, choices=CareSetting.choices, default=CareSetting.OUTPATIENT
    )
    news2_enabled = models.BooleanField(_("NEWS2"), default=False)
    fresh_for = models.JSONField(_("fresh for (seconds by code)"), default=dict, blank=True)
    # RCP asks for continuous monitoring from 7 on; the trial says what that means here.
    continuous_limit_minutes = models.PositiveIntegerField(
        _("longest gap under continuous monitoring (minutes)"), default=30
    )
    observation_window_minutes = models.PositiveIntegerField(
        _("time within which an observation set is taken (minutes)"), default=30
    )
    offline_grace_hours = models.PositiveIntegerField(
        _("time a phone may be offline before a diary counts as missed (hours)"), default=24
    )

    class Meta(SitePart.Meta):
        verbose_name = _("monitoring plan")
        verbose_name_plural = _("monitoring plans")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["site"], name="a_site_has_one_monitoring_plan"),
            one_of("setting", CareSetting.values, name="care_setting_is_known"),
            CheckConstraint(
                condition=Q(news2_enabled=False) | Q(setting=CareSetting.INPATIENT),
                name="news2_is_for_inpatients",
            ),
            CheckConstraint(
                condition=Q(continuous_limit_minutes__gt=0, observation_window_minutes__gt=0),
                name="monitoring_times_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site.code} · {self.get_setting_display()}"
