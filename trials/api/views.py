"""Reading trials, sites, arms and planned visits."""

from collections.abc import Mapping
from typing import ClassVar

from portal.access.permissions import Permission
from portal.api.permissions import Requirement
from portal.api.views import ListMixin, NestedMixin, RetrieveMixin, ScopedViewSet
from trials.api import filters, serializers
from trials.models import Arm, LadderRung, RosterShift, Site, Trial, VisitPlan

SITE_ACTIONS: Mapping[str, Permission] = {
    "list_patients": Permission.PATIENT_VIEW,
    "list_vitals": Permission.VITAL_SIGN_VIEW,
    "list_adverse_events": Permission.ADVERSE_EVENT_VIEW,
    "list_findings": Permission.DATA_FINDING_VIEW,
}


class TrialViewSet(ListMixin, RetrieveMixin, ScopedViewSet):
    """trials/."""

    queryset = Trial.objects.all()
    serializer_class = serializers.TrialSerializer
    detail_serializer_class = serializers.TrialDetailSerializer
    filterset_class = filters.TrialFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.TRIAL_VIEW,
        "retrieve": Permission.TRIAL_VIEW,
    }
    actions = {"list_sites": Permission.SITE_VIEW, **SITE_ACTIONS}


class SiteViewSet(ListMixin, RetrieveMixin, ScopedViewSet):
    """sites/."""

    queryset = Site.objects.all()
    serializer_class = serializers.SiteSerializer
    detail_serializer_class = serializers.SiteDetailSerializer
    filterset_class = filters.SiteOfAnyTrialFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.SITE_VIEW,
        "retrieve": Permission.SITE_VIEW,
    }
    actions = SITE_ACTIONS


class _OfTrial(NestedMixin, ListMixin, ScopedViewSet):
    parent = Trial.objects.all()
    parent_permission = Permission.TRIAL_VIEW
    parent_field = "trial"


class TrialSiteViewSet(_OfTrial):
    """trials/{id}/sites/."""

    queryset = Site.objects.all()
    serializer_class = serializers.SiteSerializer
    filterset_class = filters.SiteFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.SITE_VIEW}


class ArmViewSet(_OfTrial):
    """trials/{id}/arms/."""

    queryset = Arm.objects.all()
    serializer_class = serializers.ArmSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.TRIAL_VIEW}


class VisitPlanViewSet(_OfTrial):
    """trials/{id}/visits/."""

    queryset = VisitPlan.objects.all()
    serializer_class = serializers.VisitPlanSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.TRIAL_VIEW}


class LadderViewSet(_OfTrial):
    """trials/{id}/ladders/."""

    queryset = LadderRung.objects.filter(is_in_use=True)
    serializer_class = serializers.LadderRungSerializer
    parent_field = "ladder__trial"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.LADDER_VIEW}


class RosterViewSet(NestedMixin, ListMixin, ScopedViewSet):
    """sites/{id}/roster/."""

    queryset = RosterShift.objects.all()
    serializer_class = serializers.RosterShiftSerializer
    parent = Site.objects.all()
    parent_permission = Permission.SITE_VIEW
    parent_field = "site"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.ROSTER_VIEW}
