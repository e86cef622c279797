"""Reading and writing adverse events, their history, and a patient's timeline."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from events import selectors
from events.api import filters, serializers
from events.api.writes import WRITES
from patients.models import Patient
from portal.access.permissions import Permission
from portal.api.pagination import Ordering
from portal.api.permissions import Requirement
from portal.api.views import ListMixin, NestedMixin, RetrieveMixin, ScopedViewSet, person
from portal.api.writes import WriteMixin


class AdverseEventViewSet(WriteMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """adverse-events/."""

    queryset = selectors.adverse_events()
    serializer_class = serializers.AdverseEventSerializer
    detail_serializer_class = serializers.AdverseEventDetailSerializer
    filterset_class = filters.AdverseEventFilter
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.ADVERSE_EVENT_VIEW,
        "retrieve": Permission.ADVERSE_EVENT_VIEW,
        "create": Permission.ADVERSE_EVENT_REPORT,
        "add_follow_up": Permission.ADVERSE_EVENT_REPORT,
        "confirm_judgment": Permission.ADVERSE_EVENT_ASSESS,
    }
    urgent = frozenset({"create", "add_follow_up"})
    writes = WRITES
    actions: ClassVar[Mapping[str, Permission]] = {
        "view_history": Permission.AUDIT_ENTRY_VIEW,
        "view_patient": Permission.PATIENT_VIEW,
    }

    def create(self, request: Request) -> Response:
        """Report an adverse event, whatever the state of consent, participation or trial.

        A coordinator's entry of a medical judgment is transcribed and waits to be confirmed.
        """
        return self.write()

    def add_follow_up(self, request: Request, pk: Any) -> Response:
        """Add later information, correct what was written, or nullify the event.

        Versions may arrive in any order; answers the event as it then stands.
        """
        return self.write()

    def confirm_judgment(self, request: Request, pk: Any) -> Response:
        """Confirm, as the physician, what was transcribed."""
        return self.write()


class TimelineViewSet(NestedMixin, ScopedViewSet):
    """patients/{id}/timeline/."""

    queryset = Patient.objects.none()
    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    serializer_class = serializers.TimelineEntrySerializer
    orderings: ClassVar[Mapping[str, Ordering]] = {
        "-occurred_at": Ordering("moment", nullable=True),
        "occurred_at": Ordering("moment", nullable=True, descending=False),
    }
    default_ordering = "-occurred_at"
    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Permission.PATIENT_VIEW}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return what happened to the patient, as far as the reader may know, newest first."""
        page = self.paginate_queryset(selectors.timeline(self.above.pk, person(request)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
