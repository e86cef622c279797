"""Addresses of trials, below /api/v1/."""

from django.urls import path

from portal.access.permissions import Permission
from portal.api.histories import history_of
from portal.api.views import DETAIL, LIST
from trials.api import views
from trials.api.access_views import AccessReportView, AccessReviewViewSet, DelegationViewSet
from trials.models import Site, Trial

urlpatterns = [
    path("trials/", views.TrialViewSet.as_view(LIST), name="trials"),
    path("trials/<uuid:pk>/", views.TrialViewSet.as_view(DETAIL), name="trial"),
    path("trials/<uuid:pk>/sites/", views.TrialSiteViewSet.as_view(LIST), name="trial-sites"),
    path("trials/<uuid:pk>/arms/", views.ArmViewSet.as_view(LIST), name="trial-arms"),
    path("trials/<uuid:pk>/visits/", views.VisitPlanViewSet.as_view(LIST), name="trial-visits"),
    path("trials/<uuid:pk>/ladders/", views.LadderViewSet.as_view(LIST), name="trial-ladders"),
    path("sites/<uuid:pk>/roster/", views.RosterViewSet.as_view(LIST), name="site-roster"),
    path(
        "trials/<uuid:pk>/history/",
        history_of(Trial, Permission.TRIAL_VIEW),
        name="trial-history",
    ),
    path(
        "sites/<uuid:pk>/history/",
        history_of(Site, Permission.SITE_VIEW),
        name="site-history",
    ),
    path(
        "delegations/",
        DelegationViewSet.as_view({**LIST, "post": "create"}),
        name="delegations",
    ),
    path(
        "delegations/<uuid:pk>/accept/",
        DelegationViewSet.as_view({"post": "accept"}),
        name="delegation-accept",
    ),
    path(
        "delegations/<uuid:pk>/end/",
        DelegationViewSet.as_view({"post": "end"}),
        name="delegation-end",
    ),
    path(
        "access-reviews/",
        AccessReviewViewSet.as_view({**LIST, "post": "create"}),
        name="access-reviews",
    ),
    path("access-report/", AccessReportView.as_view(), name="access-report"),
    path("sites/", views.SiteViewSet.as_view(LIST), name="sites"),
    path("sites/<uuid:pk>/", views.SiteViewSet.as_view(DETAIL), name="site"),
]
