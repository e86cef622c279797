"""Who somebody is and what they hold, as the API tells it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q

from portal.access.scoping import scopes
from portal.accounts.models import User, UserKind
from portal.core import clock

# Assignments and patients lie above this package and are reached through the user alone.
_PATIENT_ROLE = "patient"
_CAREGIVER_ROLE = "caregiver"


def roles_held(user: User, at: datetime) -> list[dict[str, Any]]:
    """Return the roles of `user` at that instant: role, sponsor, trial and site."""
    now = Q(from_at__lte=at) & (Q(to_at__isnull=True) | Q(to_at__gt=at))
    in_force = user.assignments.filter(now)
    held: list[dict[str, Any]] = [
        {"role": role, "sponsor": sponsor, "trial": trial, "site": site}
        for role, sponsor, trial, site in in_force.order_by("role", "from_at", "id").values_list(
            "role", "sponsor_id", "trial_id", "site_id"
        )
    ]
    if user.kind == UserKind.PATIENT:
        try:
            own = user.patient
        except ObjectDoesNotExist:
            return held
        place = {"sponsor": None, "trial": own.trial_id, "site": own.site_id}
        held.append({"role": _PATIENT_ROLE, **place})
    else:
        cared_for = user.cares_for.filter(now).order_by("from_at", "id")
        held += [
            {"role": _CAREGIVER_ROLE, "sponsor": None, "trial": trial, "site": site}
            for trial, site in cared_for.values_list("patient__trial_id", "patient__site_id")
        ]
    return held


def role_codes(user: User) -> list[str]:
    """Return the distinct codes of the roles that `user` holds now."""
    return sorted({held["role"] for held in roles_held(user, clock.now())})


def permissions_held(user: User) -> dict[str, Any]:
    """Return what `user` may do everywhere, and in addition on each trial, site and patient."""
    everywhere: list[str] = []
    by_anchor: dict[str, dict[UUID, list[str]]] = {"trials": {}, "sites": {}, "patients": {}}
    for permission, held in sorted(scopes(user).items()):
        if held.everywhere:
            everywhere.append(permission.value)
        for name, anchors in by_anchor.items():
            for anchor in getattr(held, name):
                anchors.setdefault(anchor, []).append(permission.value)
    return {"portal": everywhere} | {name: _listed(anchors) for name, anchors in by_anchor.items()}


def _listed(anchors: Mapping[UUID, list[str]]) -> list[dict[str, Any]]:
    return [{"id": anchor, "permissions": anchors[anchor]} for anchor in sorted(anchors)]


def introduction(user: User, at: datetime) -> dict[str, Any]:
    """Return what a signed-in person is told about themselves."""
    return {
        "id": user.pk,
        "username": user.username,
        "display_name": user.get_full_name(),
        "roles": roles_held(user, at),
    }
