"""Walks every endpoint of the API as every role; compares what is answered with the declared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from patients.models import Patient
from portal.access.roles import ROLES
from portal.accounts.models import User
from portal.api.checks import actions_of
from tests.access.declared import (
    NEED_DELEGATION,
    READS_PROTECTED_FINDINGS,
    ROWS,
    Row,
)
from tests.access.world import World, anchor_for, bearer, make_person
from trials.models import Site, Sponsor, Trial

NEVER_MADE = UUID("01890000-0000-7000-8000-00000000dead")


def routed(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield name, method and OpenAPI path of everything routed below /api/."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routed(pattern, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            for method in actions_of(pattern.callback):
                if method != "head":
                    path = "/" + route.replace("<uuid:pk>", "{id}")
                    yield pattern.name or route, method.upper(), path


@dataclass(frozen=True)
class Reader:
    """A person of the world, the role that they hold, and where."""

    role: str
    person: User
    anchor: Any

    def headers(self) -> dict[str, str]:
        """Return the headers of their requests."""
        return bearer(self.person)

    def is_within(self, record: Any) -> bool:
        """Whether a record lies in the reader's scope, by the plain meaning of its place."""
        if self.anchor is None:
            return True
        if isinstance(self.anchor, Patient):
            return self.anchor.pk in (record.pk, getattr(record, "patient_id", None))
        if isinstance(self.anchor, Sponsor):
            trials = set(self.anchor.trials.values_list("pk", flat=True))
            return _trial_of(record) in trials
        if isinstance(self.anchor, Trial):
            return _trial_of(record) == self.anchor.pk
        assert isinstance(self.anchor, Site)
        if isinstance(record, Site):
            return record.pk == self.anchor.pk
        if hasattr(record, "site_id"):
            return bool(record.site_id == self.anchor.pk)
        return _trial_of(record) == self.anchor.trial_id


def _trial_of(record: Any) -> Any:
    if isinstance(record, Trial):
        return record.pk
    return record.trial_id if hasattr(record, "trial_id") else record.site.trial_id


def readers(world: World) -> list[Reader]:
    """Make one person for each role."""
    made = []
    for role in ROLES:
        anchor = anchor_for(world, role)
        person = make_person(world, f"{role}-reader", role, anchor)
        made.append(Reader(role, person, anchor))
    return made


def walk(
    world: World, people: Iterable[Reader], rows: Mapping[tuple[str, str], Row] = ROWS
) -> Iterator[str]:
    """Yield one line for every cell that is not as declared, as soon as it is found."""
    client = Client(raise_request_exception=False)
    for reader in people:
        headers = reader.headers()
        for (name, method), row in rows.items():
            if method == "GET" and (row.of or row.below):
                yield from _read(client, world, reader, headers, name, row)
            elif row.is_clinical_write:
                yield from _write(client, world, reader, headers, (name, method), row)


def _write(
    client: Client,
    world: World,
    reader: Reader,
    headers: dict[str, str],
    endpoint: tuple[str, str],
    row: Row,
) -> Iterator[str]:
    """Send an empty body: whoever may is told what is missing, everybody else is refused first."""
    name, method = endpoint
    may = reader.role in row.may - NEED_DELEGATION
    for record in getattr(world, row.below) if row.below else [None]:
        address = reverse(name, args=[record.pk] if record else [])
        answer = client.generic(method, address, b"{}", "application/json", headers=headers)
        is_seen = record is None or (
            reader.is_within(record) and reader.role in (row.sees or row.may)
        )
        refused = {404} if row.is_absent else {400, 428}
        expected = (refused if may else {403}) if is_seen else {404}
        if answer.status_code not in expected:
            yield f"{reader.role}: {method} {name} {record}: {answer.status_code} not {expected}"


def cells(world: World) -> int:
    """Return how many requests a walk over all roles makes."""
    each = sum(
        len(getattr(world, row.below)) + 1 if row.below else 1 + row.by_trial * len(world.trials)
        for row in ROWS.values()
        if row.of or row.below
    )
    return each * len(ROLES)


def _read(
    client: Client, world: World, reader: Reader, headers: dict[str, str], name: str, row: Row
) -> Iterator[str]:
    if not row.below:
        answer = client.get(reverse(name) + "?limit=500", headers=headers)
        expected = 200 if reader.role in row.may else 403
        yield from _compare(answer, expected, _expected_ids(world, reader, row, None), name, reader)
        for trial in world.trials if row.by_trial else ():
            answer = client.get(reverse(name) + f"?limit=500&trial={trial.pk}", headers=headers)
            ids = _expected_ids(world, reader, row, trial)
            yield from _compare(answer, expected, ids, f"{name} of {trial}", reader)
        return
    above: list[Any] = getattr(world, row.below)
    for record in above:
        answer = client.get(reverse(name, args=[record.pk]), headers=headers)
        expected = _expected_status(reader, row, record)
        ids = None if row.of == row.below else _expected_ids(world, reader, row, record)
        yield from _compare(answer, expected, ids, f"{name} {record}", reader)
    never = client.get(reverse(name, args=[NEVER_MADE]), headers=headers)
    yield from _compare(never, 404, None, f"{name} never made", reader)


def _expected_status(reader: Reader, row: Row, record: Any) -> int:
    sees = row.sees or row.may
    if not reader.is_within(record) or reader.role not in sees:
        return 404
    return 200 if reader.role in row.may else 403


def _expected_ids(world: World, reader: Reader, row: Row, above: Any) -> set[str] | None:
    """Return the ids that a list must show, None where the world does not know them."""
    if not row.of:
        return None
    records = list(getattr(world, row.of))
    if row.of == "findings" and reader.role in READS_PROTECTED_FINDINGS:
        records += world.protected_findings
    if above is not None:
        field = f"{type(above).__name__.lower()}_id"
        records = [record for record in records if getattr(record, field) == above.pk]
    return {str(record.pk) for record in records if reader.is_within(record)}


def _compare(
    answer: Any, status: int, ids: set[str] | None, what: str, reader: Reader
) -> Iterator[str]:
    if answer.status_code != status:
        yield f"{reader.role}: {what}: {answer.status_code} instead of {status}"
    elif status == 200 and ids is not None:
        shown = {row["id"] for row in answer.json()["results"]}
        if shown != ids:
            yield f"{reader.role}: {what}: {len(shown - ids)} too many, {len(ids - shown)} missing"
