"""Unblinding facts at the desk: shown to the unblinded alone, read through the one door."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.access.permissions import Permission
from portal.access.unblinded import unblinded
from portal.audit.record import Action, record
from portal.core.clock import now
from portal.desk.base import ScopedModelAdmin
from portal.desk.groups import Group
from portal.desk.words import snake


class ProtectedAdmin(ScopedModelAdmin):
    """Unblinding facts: only for the unblinded, read through the one door."""

    view_permission = Permission.ALLOCATION_VIEW
    group = Group.UNBLINDED

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list."""
        self._check(request)
        with unblinded():
            return _rendered(super().changelist_view(request, extra_context))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show one row."""
        self._check(request, object_id)
        with unblinded():
            return _rendered(super().changeform_view(request, object_id, *args, **kwargs))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show one row's history."""
        self._check(request, object_id)
        with unblinded():
            return _rendered(super().history_view(request, object_id, extra_context))

    def may_see_history(self, request: HttpRequest, record: Model) -> bool:
        """Whoever sees the fact sees its history."""
        return self.has_view_permission(request, record)

    def _check(self, request: HttpRequest, record_id: Any = None) -> None:
        """Refuse the blinded; write down every look. Raises: PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user: Any = request.user
        record(
            Action.UNBLINDED,
            by=user,
            at=now(),
            resource=snake(self.model.__name__),
            record_id=_as_uuid(record_id),
        )


def _as_uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _rendered(response: HttpResponse) -> HttpResponse:
    """Render while the door is open: templates fetch rows lazily."""
    if isinstance(response, TemplateResponse):
        response.render()
    return response
