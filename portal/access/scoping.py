"""Scope: which rows a person may see and act on. The same answer for every surface.

A model says by `access_paths` how a row reaches its anchors; everything else follows.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Model, Q, QuerySet

from portal.access.models import ANCHORS, EVERYWHERE, PortalUserPermission
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.core import clock

M = TypeVar("M", bound=Model)
_KNOWN: Mapping[str, Permission] = {member.value: member for member in Permission}
# What a site may still write about a patient who has moved to another one.
_KEPT_AFTER_A_TRANSFER = frozenset({Permission.ADVERSE_EVENT_REPORT})


@dataclass(frozen=True, slots=True)
class AccessPaths:
    """Lookups from a row to its anchors, None where it has none.

    A row with a site is seen by those who hold the permission on the site or on the trial. A row of
    the trial alone (an arm, a visit plan) is also seen by those who hold it on one of its sites.
    """

    trial: str | None = None
    site: str | None = None
    patient: str | None = None
    # A row whose trial is reached through several related rows (a sponsor, an institution).
    through_many: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Where one person holds one permission."""

    everywhere: bool = False
    trials: frozenset[UUID] = field(default_factory=frozenset)
    sites: frozenset[UUID] = field(default_factory=frozenset)
    patients: frozenset[UUID] = field(default_factory=frozenset)
    trials_of_sites: frozenset[UUID] = field(default_factory=frozenset)
    # Patients who changed sites: now at one of `sites`, or formerly.
    arrived: frozenset[UUID] = field(default_factory=frozenset)
    departed: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def is_empty(self) -> bool:
        """Whether it holds nowhere."""
        return not (self.everywhere or self.trials or self.sites or self.patients)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A patient was at `left` and is now at `at`, another site of the same trial."""

    patient: UUID
    left: UUID
    at: UUID


# Set by the app that knows where patients have been; it lies above this one.
_TRANSFERS: list[Callable[[frozenset[UUID]], Iterable[Transfer]]] = []


def transfers(source: Callable[[frozenset[UUID]], Iterable[Transfer]]) -> Any:
    """Register who can tell the transfers from or to any of the given sites."""
    _TRANSFERS.append(source)
    return source


def scopes(user: User | AnonymousUser) -> Mapping[Permission, Scope]:
    """Return every permission that `user` holds now, and where; two queries, once per request.

    The answer is kept on the user object, which lives as long as one request, delivery or task.
    """
    if not user.is_authenticated or not user.is_active:
        return {}
    kept: Mapping[Permission, Scope] | None = getattr(user, "_scopes", None)
    if kept is None:
        kept = _resolve(user)
        setattr(user, "_scopes", kept)  # noqa: B010 - the attribute is ours alone
    return kept


def next_turns(people: Collection[UUID], at: datetime) -> dict[UUID, datetime]:
    """Return for people when the clock alone next changes what they hold, if it does."""
    tables: Iterable[Any] = (PortalUserPermission, *ANCHORS.values())
    parts = [
        f"SELECT user_id, {column} AS turn FROM {table._meta.db_table} "  # noqa: S608 - our names
        f"WHERE user_id = ANY(%(people)s) AND {column} > %(at)s"
        for table in tables
        for column in ("valid_from", "valid_until")
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT user_id, min(turn) FROM ({' UNION ALL '.join(parts)}) AS turns "  # noqa: S608
            "GROUP BY user_id",
            {"people": list(people), "at": at},
        )
        return dict(cursor.fetchall())


def scope(user: User | AnonymousUser, permission: Permission) -> Scope:
    """Return where `user` holds `permission`."""
    return scopes(user).get(permission, Scope())


def visible(
    queryset: QuerySet[M], user: User | AnonymousUser, permission: Permission
) -> QuerySet[M]:
    """Return the rows of `queryset` on which `user` holds `permission`."""
    held = scope(user, permission)
    if held.is_empty:
        return queryset.none()
    if held.everywhere:
        return queryset
    paths: AccessPaths = queryset.model.access_paths  # type: ignore[attr-defined]
    conditions = _conditions(held, paths)
    if not conditions:
        return queryset.none()
    condition = reduce(or_, conditions)
    if paths.through_many:
        inner = queryset.model._base_manager.filter(condition).values("pk")
        return queryset.filter(pk__in=inner)
    return queryset.filter(condition)


def staying(
    queryset: QuerySet[M], user: User | AnonymousUser, permission: Permission
) -> QuerySet[M]:
    """Return of the visible patients those of whom `user` sees what comes from now on, too.

    Whoever keeps the rows of their site sees nothing live of a patient who was transferred away.
    """
    held = scope(user, permission)
    rows = visible(queryset, user, permission)
    gone = held.departed - held.arrived - held.patients
    if held.everywhere or not gone:
        return rows
    return rows.exclude(Q(pk__in=gone) & ~Q(trial__in=held.trials))


def may(user: User | AnonymousUser, permission: Permission, obj: Model | None = None) -> bool:
    """Whether `user` holds `permission` on `obj`, or anywhere when no object is named."""
    held = scope(user, permission)
    if obj is None or held.is_empty or held.everywhere:
        return not held.is_empty
    paths: AccessPaths = obj.access_paths  # type: ignore[attr-defined]
    if paths.through_many:
        return visible(type(obj)._base_manager.filter(pk=obj.pk), user, permission).exists()
    trial, site, patient = (_follow(obj, p) for p in (paths.trial, paths.site, paths.patient))
    patients = held.patients | (_moved(held, paths) if paths.site else frozenset())
    if trial in held.trials or site in held.sites or patient in patients:
        return True
    return paths.site is None and trial in held.trials_of_sites


def allowed_actions(
    user: User | AnonymousUser, obj: Model, actions: Mapping[str, Permission]
) -> list[str]:
    """Return the names of those `actions` that `user` may take on `obj`, in their order."""
    return [name for name, permission in actions.items() if may(user, permission, obj)]


def _conditions(held: Scope, paths: AccessPaths) -> list[Q]:
    conditions = []
    trials = held.trials if paths.site else held.trials | held.trials_of_sites
    if paths.trial and trials:
        conditions.append(Q(**{f"{paths.trial}__in": trials}))
    if paths.site and held.sites:
        conditions.append(Q(**{f"{paths.site}__in": held.sites}))
    patients = held.patients | (_moved(held, paths) if paths.site else frozenset())
    if paths.patient and patients:
        conditions.append(Q(**{f"{paths.patient}__in": patients}))
    return conditions


def _moved(held: Scope, paths: AccessPaths) -> frozenset[UUID]:
    """After a transfer the new site sees every row; the old one the patient, and its own rows."""
    return held.arrived | held.departed if paths.patient == "id" else held.arrived


def _follow(obj: Any, path: str | None) -> UUID | None:
    if path is None:
        return None
    for name in path.split("__"):
        obj = getattr(obj, name, None)
    return obj if obj is None or isinstance(obj, UUID) else obj.pk


@dataclass(frozen=True, slots=True)
class _Held:
    """Some permissions that one person holds at the same places of one kind."""

    anchor: str
    permissions: tuple[Permission, ...]
    places: frozenset[UUID]
    trials: frozenset[UUID]


def _resolve(user: User) -> Mapping[Permission, Scope]:
    groups = _held(user)
    of: dict[Permission, list[_Held]] = defaultdict(list)
    for group in groups:
        for permission in group.permissions:
            of[permission].append(group)
    sites = frozenset[UUID]().union(*(g.places for g in groups if g.anchor == "site"))
    moved = [move for told in _TRANSFERS for move in told(sites)] if sites else []
    # Most permissions of a role are held at the very same places: they share one scope.
    made: dict[tuple[bool, tuple[int, ...]], Scope] = {}
    found = {}
    for permission, held in of.items():
        stays = permission.is_read or permission in _KEPT_AFTER_A_TRANSFER
        key = (stays, tuple(map(id, held)))
        if key not in made:
            made[key] = _scope_of(held, moved, stays=stays)
        found[permission] = made[key]
    return found


def _scope_of(groups: Iterable[_Held], moved: Iterable[Transfer], *, stays: bool) -> Scope:
    places: dict[str, frozenset[UUID]] = defaultdict(frozenset)
    for group in groups:
        places[group.anchor] |= group.places
        places["trials_of_sites"] |= group.trials
    sites = places["site"]
    return Scope(
        everywhere=EVERYWHERE in places,
        trials=places["trial"],
        sites=sites,
        patients=places["patient"],
        trials_of_sites=places["trials_of_sites"],
        arrived=frozenset(move.patient for move in moved if move.at in sites),
        departed=frozenset(move.patient for move in moved if stays and move.left in sites),
    )


def _held(user: User) -> list[_Held]:
    """Return what `user` holds now; one row for all places at which the same is held."""
    with connection.cursor() as cursor:
        cursor.execute(_held_sql(), {"user": user.pk, "now": clock.now()})
        return [
            _Held(
                anchor,
                tuple(_KNOWN[name] for name in names if name in _KNOWN),
                frozenset(places),
                frozenset(trial for trial in trials if trial is not None),
            )
            for anchor, names, places, trials in cursor.fetchall()
        ]


@cache
def _held_sql() -> str:
    """One statement over the anchors and the permissions held everywhere, made once.

    Every request asks it: composed by the ORM it would cost more than the page that it is for.
    """
    parts = [_part(EVERYWHERE, PortalUserPermission, "NULL::uuid", "NULL::uuid", "")]
    for name, table in ANCHORS.items():
        trial, join = "NULL::uuid", ""
        if name == "site":
            anchored: Any = table
            site = anchored._meta.get_field("content_object").related_model
            trial, join = "s.trial_id", f"JOIN {site._meta.db_table} s ON s.id = content_object_id"
        parts.append(_part(name, table, "content_object_id", trial, join))
    return (
        "SELECT anchor, names, array_agg(place), array_agg(trial) FROM ("  # noqa: S608 - our names
        "SELECT anchor, place, trial, array_agg(name ORDER BY name) AS names "
        f"FROM ({' UNION ALL '.join(parts)}) AS held GROUP BY anchor, place, trial"
        ") AS grouped GROUP BY anchor, names"
    )


def _part(name: str, table: Any, place: str, trial: str, join: str) -> str:
    return (
        f"SELECT '{name}' AS anchor, {place} AS place, {trial} AS trial, "  # noqa: S608
        f"p.codename::text AS name FROM {table._meta.db_table} g "
        f"JOIN auth_permission p ON p.id = g.permission_id {join} "
        "WHERE g.user_id = %(user)s AND g.valid_from <= %(now)s "
        "AND (g.valid_until IS NULL OR g.valid_until > %(now)s)"
    )
