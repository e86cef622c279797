"""Addresses of notices, below /api/v1/."""

from django.urls import path

from portal.api.views import DETAIL, LIST
from portal.notices.api import views
from portal.notices.api.push import PushKeyView, PushSubscriptionViewSet

urlpatterns = [
    path("notifications/", views.NoticeViewSet.as_view(LIST), name="notifications"),
    path(
        "notifications/acknowledge/",
        views.NoticeViewSet.as_view({"post": "acknowledge_many"}),
        name="notifications-acknowledge",
    ),
    path(
        "notifications/seen/",
        views.NoticeViewSet.as_view({"post": "mark_seen"}),
        name="notifications-seen",
    ),
    path(
        "notifications/statistics/",
        views.StatisticsView.as_view(),
        name="notifications-statistics",
    ),
    path("notifications/<uuid:pk>/", views.NoticeViewSet.as_view(DETAIL), name="notification"),
    path(
        "notifications/<uuid:pk>/acknowledge/",
        views.NoticeViewSet.as_view({"post": "acknowledge"}),
        name="notification-acknowledge",
    ),
    path(
        "notification-preferences/",
        views.PreferencesView.as_view(),
        name="notification-preferences",
    ),
    path(
        "absences/",
        views.AbsenceViewSet.as_view({**LIST, "post": "create"}),
        name="absences",
    ),
    path(
        "absences/<uuid:pk>/end/",
        views.AbsenceViewSet.as_view({"post": "end"}),
        name="absence-end",
    ),
    path(
        "push-subscriptions/",
        PushSubscriptionViewSet.as_view({**LIST, "post": "create"}),
        name="push-subscriptions",
    ),
    path("push-subscriptions/key/", PushKeyView.as_view(), name="push-key"),
    path(
        "push-subscriptions/renew/",
        PushSubscriptionViewSet.as_view({"post": "renew"}),
        name="push-subscriptions-renew",
    ),
    path(
        "push-subscriptions/<uuid:pk>/",
        PushSubscriptionViewSet.as_view({"delete": "destroy"}),
        name="push-subscription",
    ),
]
