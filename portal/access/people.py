"""Who may, and who is what, at a place: the question of scope asked from the other side."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from portal.access.models import ANCHORS, PortalUserPermission
from portal.access.permissions import Permission

RoleSource = Callable[[Collection[str], UUID | None, UUID | None, datetime], set[UUID]]
# Set by the app that holds assignments; it lies above this one.
_ROLES: list[RoleSource] = []


def roles_from(source: RoleSource) -> RoleSource:
    """Register who can tell the people of a role at a place."""
    _ROLES.append(source)
    return source


def people_as(
    roles: Collection[str], *, trial: UUID | None, site: UUID | None, at: datetime
) -> set[UUID]:
    """Return who holds one of `roles` by an assignment in force there: site, trial or above."""
    if not roles:
        return set()
    return set[UUID]().union(*(source(roles, trial, site, at) for source in _ROLES))


def people_with(
    permission: Permission,
    *,
    trial: UUID | None = None,
    site: UUID | None = None,
    patient: UUID | None = None,
    at: datetime,
) -> set[UUID]:
    """Return the active people who hold `permission` at a place: there or above it."""
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(),
            {
                "permission": permission.value,
                "trial": trial,
                "site": site,
                "patient": patient,
                "at": at,
            },
        )
        return {row[0] for row in cursor.fetchall()}


@cache
def _sql() -> str:
    parts = [_part(PortalUserPermission, "true")]
    parts += [_part(table, f"g.content_object_id = %({name})s") for name, table in ANCHORS.items()]
    return " UNION ".join(parts)


def _part(table: Any, place: str) -> str:
    return (
        f"SELECT g.user_id FROM {table._meta.db_table} g "  # noqa: S608 - names of our own tables
        "JOIN auth_permission p ON p.id = g.permission_id AND p.codename = %(permission)s "
        "JOIN accounts_user u ON u.id = g.user_id AND u.is_active "
        f"WHERE {place} AND g.valid_from <= %(at)s "
        "AND (g.valid_until IS NULL OR g.valid_until > %(at)s)"
    )
