"""Addresses of adverse events and timelines, below /api/v1/."""

from django.urls import path

from events.api import views
from events.models import AdverseEvent
from portal.access.permissions import Permission
from portal.api.histories import history_of
from portal.api.views import DETAIL, LIST

urlpatterns = [
    path(
        "adverse-events/",
        views.AdverseEventViewSet.as_view({**LIST, "post": "create"}),
        name="adverse-events",
    ),
    path(
        "adverse-events/<uuid:pk>/",
        views.AdverseEventViewSet.as_view(DETAIL),
        name="adverse-event",
    ),
    path(
        "adverse-events/<uuid:pk>/follow-ups/",
        views.AdverseEventViewSet.as_view({"post": "add_follow_up"}),
        name="adverse-event-follow-ups",
    ),
    path(
        "adverse-events/<uuid:pk>/confirm/",
        views.AdverseEventViewSet.as_view({"post": "confirm_judgment"}),
        name="adverse-event-confirm",
    ),
    path(
        "adverse-events/<uuid:pk>/history/",
        history_of(AdverseEvent, Permission.ADVERSE_EVENT_VIEW),
        name="adverse-event-history",
    ),
    path(
        "patients/<uuid:pk>/timeline/",
        views.TimelineViewSet.as_view(LIST),
        name="patient-timeline",
    ),
]
