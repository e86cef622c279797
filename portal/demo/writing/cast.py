"""The demo's people: accounts, what they are assigned to, which tasks are delegated to them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password

from portal.access.roles import ROLES
from portal.accounts.models import User, UserKind
from portal.core.bulk import copy_in
from portal.core.ids import IMPORT_ACCOUNT, SYSTEM_ACCOUNT
from portal.demo.generator import records as r
from portal.demo.generator.times import Times
from portal.demo_accounts import DEMO_ACCOUNTS, DEMO_PATIENTS
from trials.models import Assignment, Delegation, PrincipalInvestigator
from trials.vocabulary import AssignmentScope, DelegatedTask

_MADE_BEFORE = 199  # days before the end at which the accounts were made
_CRA_SITES = {"cra": range(1, 5), "cra2": range(5, 9)}
_DEPUTIES = {"cra": "cra2", "cra2": "cra"}
_SITE_OF = {"doctor": 1, "coordinator": 1, "pharmacist": 1, "doctor2": 5}
_EVERYWHERE = frozenset({"admin", "manager", "inspector"})
_DISPLAY_NAMES = {
    "admin": "Demo Administrator",
    "sponsor": "Demo Sponsor Administrator",
    "doctor": "Demo Investigator, Site 1",
    "doctor2": "Demo Sub-investigator, Site 5",
    "coordinator": "Demo Coordinator, Site 1",
    "cra": "Demo Monitor, Sites 1 to 4",
    "cra2": "Demo Monitor, Sites 5 to 8",
    "manager": "Demo Trial Manager",
    "inspector": "Demo Inspector",
    "datamanager": "Demo Data Manager",
    "safety": "Demo Safety Officer",
    "medical": "Demo Medical Monitor",
    "statistician": "Demo Unblinded Statistician",
    "pharmacist": "Demo Unblinded Pharmacist, Site 1",
}
_TASKS: dict[str, tuple[DelegatedTask, ...]] = {
    "doctor": (
        DelegatedTask.CONSENT,
        DelegatedTask.ELIGIBILITY,
        DelegatedTask.MEDICAL_ASSESSMENT,
        DelegatedTask.SAFETY_REPORTING,
    ),
    "study_coordinator": (
        DelegatedTask.CONSENT,
        DelegatedTask.DATA_ENTRY,
        DelegatedTask.QUERY_RESOLUTION,
        DelegatedTask.SAMPLING,
    ),
    "unblinded_pharmacist": (DelegatedTask.DISPENSING, DelegatedTask.UNBLINDED_PHARMACY),
}


@dataclass(slots=True)
class Cast:
    """Who did what, for the columns that name a person; the import account where nobody did."""

    accounts: dict[str, UUID] = field(default_factory=dict)
    investigators: dict[UUID, UUID] = field(default_factory=dict)
    coordinators: dict[UUID, UUID] = field(default_factory=dict)
    safety_of_site: dict[UUID, UUID] = field(default_factory=dict)

    def investigator(self, site_id: UUID) -> UUID:
        """Return who leads a site."""
        return self.investigators[site_id]

    def coordinator(self, site_id: UUID) -> UUID:
        """Return who enters a site's data: its coordinator, else its investigator."""
        return self.coordinators.get(site_id, self.investigators[site_id])

    def safety_officer(self, site_id: UUID) -> UUID:
        """Return who assesses events for the sponsor."""
        return self.safety_of_site.get(site_id, IMPORT_ACCOUNT)


def write_accounts(demo: r.Demo, password: str) -> Cast:
    """Make the accounts of the table, and an investigator for each site that has none in it.

    The password validators are for people who choose a password, not for the demo's public one;
    it is hashed once, since hashing is slow on purpose and the password is the same. The added
    investigators cannot sign in.
    """
    times = demo.times
    at = times.days_ago(_MADE_BEFORE)
    cast = Cast()
    shared = make_password(password)
    rows = [_user(times, at, name, line.role, shared) for line in DEMO_ACCOUNTS
            for name in line.usernames]  # fmt: skip
    cast.accounts = {row["username"]: row["id"] for row in rows}
    for site in demo.of(r.Site):
        if site.number == _SITE_OF["doctor"]:
            cast.investigators[site.id] = cast.accounts["doctor"]
            cast.coordinators[site.id] = cast.accounts["coordinator"]
            continue
        name = f"investigator{site.number}"
        rows.append(_user(times, at, name, "principal_investigator", make_password(None)))
        rows[-1]["display_name"] = f"Demo Investigator, Site {site.number}"
        cast.investigators[site.id] = rows[-1]["id"]
    copy_in(User, rows)
    return cast


def _user(times: Times, at: datetime, name: str, role: str, password: str) -> dict[str, Any]:
    is_patient = role == "patient"
    number = name.removeprefix("patient")
    return {
        "id": times.key(at, "account", name),
        "created_at": at,
        "username": name,
        "display_name": f"Demo Patient {number}" if is_patient else _DISPLAY_NAMES.get(name, name),
        "kind": UserKind.PATIENT.value if is_patient else UserKind.PERSON.value,
        "is_staff": ROLES[role].opens_admin,
        "organization": "" if is_patient else "Demo",
        "password": password,
    }


def write_roles(demo: r.Demo, cast: Cast) -> None:
    """Write tenures, assignments and delegations as the table says."""
    times = demo.times
    sites = {site.number: site for site in demo.of(r.Site)}
    copy_in(PrincipalInvestigator, _tenures(times, cast, sites))
    copy_in(Assignment, _assignments(times, demo, cast, sites))
    copy_in(Delegation, _delegations(times, cast, sites))
    first = next(sponsor.id for sponsor in demo.of(r.Sponsor) if sponsor.number == 1)
    trials = {trial.id for trial in demo.of(r.Trial) if trial.sponsor_id == first}
    for site in sites.values():
        if site.trial_id in trials:
            cast.safety_of_site[site.id] = cast.accounts["safety"]


def _tenures(times: Times, cast: Cast, sites: dict[int, r.Site]) -> Iterator[dict[str, Any]]:
    at = times.days_ago(_MADE_BEFORE - 1)
    for site in sites.values():
        yield {
            "id": times.key(at, "tenure", site.code),
            "created_at": at,
            "site_id": site.id,
            "person_id": cast.investigators[site.id],
            "from_on": at.date(),
        }


def _assignments(
    times: Times, demo: r.Demo, cast: Cast, sites: dict[int, r.Site]
) -> Iterator[dict[str, Any]]:
    at = times.days_ago(_MADE_BEFORE - 1)
    for person, role, scope, where, deputy in _held(demo, cast, sites):
        row: dict[str, Any] = {
            "id": times.key(at, "assignment", person, role, where),
            "created_at": at,
            "person_id": person,
            "organization": "Demo",
            "role": role,
            "scope": scope.value,
            "from_at": at,
            "granted_by_id": SYSTEM_ACCOUNT,
            "deputy_id": deputy,
        }
        if where is not None:
            row[f"{scope.value}_id"] = where
        yield row


_Held = tuple[UUID, str, AssignmentScope, UUID | None, UUID | None]


def _held(demo: r.Demo, cast: Cast, sites: dict[int, r.Site]) -> Iterator[_Held]:
    """Yield person, role, scope, where, deputy for every line of the table but the patients'."""
    for line in DEMO_ACCOUNTS:
        for name in line.usernames:
            deputy = cast.accounts.get(_DEPUTIES.get(name, ""))
            for scope, where in _places(demo, sites, name, line.role):
                yield cast.accounts[name], line.role, scope, where, deputy
    for site in sites.values():
        leader = cast.investigators[site.id]
        if leader not in cast.accounts.values():
            yield leader, "principal_investigator", AssignmentScope.SITE, site.id, None


def _places(
    demo: r.Demo, sites: dict[int, r.Site], name: str, role: str
) -> Iterator[tuple[AssignmentScope, UUID | None]]:
    if name in _EVERYWHERE:
        yield AssignmentScope.PORTAL, None
    elif name in _CRA_SITES:
        for number in _CRA_SITES[name]:
            yield AssignmentScope.SITE, sites[number].id
    elif name in _SITE_OF:
        yield AssignmentScope.SITE, sites[_SITE_OF[name]].id
    elif role == "unblinded_statistician":
        trial = next(one.id for one in demo.of(r.Trial) if one.phase == "phase_3")
        yield AssignmentScope.TRIAL, trial
    elif name not in DEMO_PATIENTS:
        yield AssignmentScope.SPONSOR, next(s.id for s in demo.of(r.Sponsor) if s.number == 1)


def _delegations(times: Times, cast: Cast, sites: dict[int, r.Site]) -> Iterator[dict[str, Any]]:
    roles = {name: line.role for line in DEMO_ACCOUNTS for name in line.usernames}
    at = times.days_ago(_MADE_BEFORE - 2)
    for name, number in _SITE_OF.items():
        site = sites[number]
        for task in _TASKS.get(roles[name], ()):
            yield {
                "id": times.key(at, "delegation", name, task.value),
                "created_at": at,
                "site_id": site.id,
                "principal_investigator_id": cast.investigators[site.id],
                "delegate_id": cast.accounts[name],
                "task": task.value,
                "effective_from": at,
                "recorded_at": at,
                "accepted_at": at + timedelta(hours=2),
                "trained_on": at.date(),
                "training": "Protocol and good clinical practice",
            }
