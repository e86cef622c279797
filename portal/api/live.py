"""POST live/tickets/: what a browser opens its socket with (contract.md 2.1)."""

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.services.sessions import Authenticated
from portal.api.fields import StrictSerializer
from portal.api.permissions import Open, Requirement
from portal.api.session_serializers import EmptySerializer
from portal.api.views import PortalView
from portal.core import clock
from portal.live.services import tickets


class TicketSerializer(StrictSerializer):
    """A ticket for one socket."""

    ticket = serializers.CharField(help_text="Good for one use: /ws/live/?ticket=…")
    expires_in = serializers.IntegerField(min_value=1, help_text="Seconds")


class TicketView(PortalView):
    """live/tickets/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"post": Open.SIGNED_IN}

    @extend_schema(operation_id="live_ticket", request=None, responses=TicketSerializer)
    def post(self, request: Request) -> Response:
        """Get a ticket: it opens one socket within 30 seconds, and lives as long as the session."""
        EmptySerializer(data=request.data).is_valid(raise_exception=True)
        assert isinstance(request.auth, Authenticated)
        ticket = tickets.issue_ticket(authenticated=request.auth, at=clock.now())
        seconds = int(tickets.LIFETIME.total_seconds())
        return Response({"ticket": ticket, "expires_in": seconds})
