"""Endpoints of the kernel, below /api/v1/."""

from django.urls import path

from portal.api.audit import AuditEntryViewSet
from portal.api.document import DocsView, SchemaView
from portal.api.live import TicketView
from portal.api.session import MeView, RefreshView, SignInView, SignOutView
from portal.api.sessions import (
    EndOwnSessionsView,
    EndOwnSessionView,
    OwnSessionsViewSet,
    SessionViewSet,
)
from portal.api.trail_export import AuditTrailView
from portal.api.views import DETAIL, LIST

urlpatterns = [
    path("auth/token/", SignInView.as_view(), name="auth-token"),
    path("auth/token/refresh/", RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/logout/", SignOutView.as_view(), name="auth-logout"),
    path("auth/me/", MeView.as_view(), name="auth-me"),
    path("auth/sessions/", OwnSessionsViewSet.as_view(LIST), name="own-sessions"),
    path("auth/sessions/end-all/", EndOwnSessionsView.as_view(), name="own-sessions-end-all"),
    path("auth/sessions/<uuid:pk>/end/", EndOwnSessionView.as_view(), name="own-session-end"),
    path("sessions/", SessionViewSet.as_view(LIST), name="sessions"),
    path("sessions/end-all/", SessionViewSet.as_view({"post": "end_all"}), name="sessions-end-all"),
    path("sessions/<uuid:pk>/end/", SessionViewSet.as_view({"post": "end"}), name="session-end"),
    path("live/tickets/", TicketView.as_view(), name="live-tickets"),
    path("audit-entries/", AuditEntryViewSet.as_view(LIST), name="audit-entries"),
    path("audit-entries/<uuid:pk>/", AuditEntryViewSet.as_view(DETAIL), name="audit-entry"),
    path("audit-trail/", AuditTrailView.as_view(), name="audit-trail"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
]
