"""Who may call what: every action of every view states it, or nobody may."""

from enum import Enum
from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.access.permissions import Permission
from portal.access.scoping import may


class Open(Enum):
    """What an action states when it needs no permission."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed in"


Requirement = Permission | Open


class DenyUndeclared(BasePermission):
    """Let nobody through an action whose `permissions` entry is missing.

    A list is refused to those who hold its permission nowhere. A single record is not: what they
    may not see does not exist for them (404), whichever id they name.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the caller may reach the action. Raises: NotAuthenticated."""
        required: Requirement | None = view.requirement
        if required is Open.EVERYBODY:
            return True
        if not request.user.is_authenticated:
            raise NotAuthenticated
        if required is None:
            raise PermissionDenied
        if required is Open.SIGNED_IN or view.kwargs:
            return True
        return may(request.user, required)
