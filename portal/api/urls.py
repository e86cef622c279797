"""Endpoints of the kernel, below /api/v1/."""

from django.urls import path

from portal.api.document import DocsView, SchemaView
from portal.api.live import TicketView
from portal.api.session import MeView, RefreshView, SignInView, SignOutView

urlpatterns = [
    path("auth/token/", SignInView.as_view(), name="auth-token"),
    path("auth/token/refresh/", RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/logout/", SignOutView.as_view(), name="auth-logout"),
    path("auth/me/", MeView.as_view(), name="auth-me"),
    path("live/tickets/", TicketView.as_view(), name="live-tickets"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
]
