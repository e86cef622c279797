"""What the protocol plans: versions, arms, visits, criteria, products, instruments."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.columns import figure
from portal.desk.derived import derived
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.site import site
from trials import models


class VisitPlanAdmin(ScopedModelAdmin):
    """Planned visits."""

    view_permission = P.TRIAL_VIEW
    group = Group.TRIALS
    list_display = (
        "name",
        "visit_number_figure",
        "trial",
        "protocol_version",
        "kind",
        "anchor",
        "planned_day_figure",
        "window_before_days",
        "window_after_days",
    )
    list_filter = ("kind", scoped("trial"))
    list_select_related = ("trial", "protocol_version")
    search_fields = ("name", "^oid")
    ordering = ("trial", "visit_number", "id")
    visit_number_figure = figure("visit_number", title=_("visit number"))
    planned_day_figure = figure("planned_day", title=_("planned day"))


site.register(models.VisitPlan, VisitPlanAdmin)
_PLAN: tuple[Any, ...] = (
    models.ProtocolVersion,
    models.Arm,
    models.Epoch,
    models.Element,
    models.ArmElement,
    models.Criterion,
    models.Product,
    models.ReferenceSafetyInformation,
    models.Instrument,
    models.InstrumentSchedule,
    models.TrialIdentifier,
    models.TrialParameter,
    models.DictionaryRelease,
)
for _model in _PLAN:
    site.register(_model, derived(_model, P.TRIAL_VIEW, Group.TRIALS, base=ScopedModelAdmin))
site.register(
    models.ApprovalRequirement,
    derived(models.ApprovalRequirement, P.SITE_VIEW, Group.TRIALS, base=ScopedModelAdmin),
)
