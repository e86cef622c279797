"""Lists under access control: 1,000,000 adverse events at 200 sites, first and deep page.

Ours is the list of the API as it is (scope resolved once, keyset pages); beside it, in the same run
and process, the usual way: one guardian row for each event and user, get_objects_for_user, and
LimitOffset pages with their count. Both answer an authenticated request, check the token's session,
run their SQL, serialize 50 rows with the same fields and render JSON; middleware and sockets are
left out. Users hold 1, 20 or all sites.

Goals: at most 12 ms at any depth; a deep page at most 1.3 times the first; with 20 sites at least
15 times (first) and 35 times (deep) faster than the usual way.

    ./run bench access [--events N] [--sites N] [--runs N]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from _run import head, own_portal, verdict

MOST_MS = 12.0
MOST_DEEP_TO_FIRST = 1.3
LEAST_GAIN_FIRST = 15.0
LEAST_GAIN_DEEP = 35.0
PATIENTS_PER_SITE = 25
FEW_SITES = 20
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Figure:
    """Medians of one kind of user in milliseconds."""

    user: str
    rows: int
    first: float
    deep: float
    usual_first: float
    usual_deep: float


def main() -> int:
    """Load, measure, and say whether each goal is met."""
    parser = argparse.ArgumentParser(prog="./run bench access")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    head(f"./run bench access --events {given.events} --sites {given.sites} --runs {given.runs}")
    with own_portal():
        world = load(given.events, given.sites)
        figures = [measure(world, user, given.runs) for user in world.users]
    return report(figures)


# --- the world --------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """What was loaded, and a bearer header for each kind of user."""

    users: dict[str, Any]
    headers: dict[str, str]


def load(events: int, sites: int) -> World:
    """Make the trial and its people by their services, and the rows by COPY."""
    from portal.core.history import acting
    from portal.core.ids import SYSTEM_ACCOUNT
    from trials.models import Institution, Site, Sponsor, Trial

    started = time.perf_counter()
    with acting(by=SYSTEM_ACCOUNT, reason="benchmark"):
        sponsor = Sponsor.objects.create(name="Bench")
        trial = Trial.objects.create(
            sponsor=sponsor, number="BENCH", title="Bench", blinding="open"
        )
        hospital = Institution.objects.create(name="Hospital", country="FRA")
        made = [
            Site.objects.create(
                trial=trial, institution=hospital, code=f"{number:03}", country="FRA"
            )
            for number in range(sites)
        ]
        patients = _load_patients(trial, made)
    _copy_events(events, patients)
    users = _people(trial, made)
    _grant_the_usual_way(users, trial, made)
    print(f"loaded    {events:,} events, {sites} sites in {time.perf_counter() - started:.0f} s")
    return World(users, {name: _bearer(user) for name, user in users.items()})


def _load_patients(trial: Any, sites: list[Any]) -> list[tuple[Any, Any, Any]]:
    from patients.models import Patient
    from portal.core.bulk import copy_in
    from portal.core.ids import uuid7

    rows = [
        {
            "id": uuid7(),
            "trial_id": trial.pk,
            "site_id": site.pk,
            "usubjid": f"BENCH-{site.code}-{number:03}",
            "subject_number": f"{site.code}-{number:03}",
            "participation": "randomized",
        }
        for site in sites
        for number in range(PATIENTS_PER_SITE)
    ]
    copy_in(Patient, rows)
    return [(row["id"], row["trial_id"], row["site_id"]) for row in rows]


def _copy_events(count: int, patients: list[tuple[Any, Any, Any]]) -> None:
    """COPY the events with triggers off: neither history nor placing is what is measured."""
    import psycopg
    from psycopg import sql

    from events.models import AdverseEvent

    table = AdverseEvent._meta.db_table
    columns, lines = _event_lines(AdverseEvent, count, patients)
    with _superuser() as connection, connection.cursor() as cursor:
        assert isinstance(connection, psycopg.Connection)
        name = sql.Identifier(table)
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(name))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            name, sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(statement) as copy:
            for line in lines:
                copy.write(line)
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def _event_lines(
    model: Any, count: int, patients: list[tuple[Any, Any, Any]]
) -> tuple[list[str], Iterator[str]]:
    """Return the columns and one COPY line for each event; sites alternate, time goes on."""
    from django.db import connection
    from django.db.models import GeneratedField

    fields = [f for f in model._meta.concrete_fields if not isinstance(f, GeneratedField)]
    changing = {"id", "created_at", "patient_id", "trial_id", "site_id", "number"}
    example = model(term="HEADACHE", onset="2024-05-17", severity="mild", outcome="recovered")
    parts = []
    for field in fields:
        value = field.get_db_prep_save(getattr(example, field.attname), connection)
        parts.append("{" + field.attname + "}" if field.attname in changing else _text(value))
    template = "\t".join(parts) + "\n"

    def lines() -> Iterator[str]:
        each = len(patients)
        step = timedelta(days=706) / count
        for index in range(count):
            patient, trial, site = patients[index * 7919 % each]
            at = BEGAN + index * step
            stamp = f"{int(at.timestamp() * 1000):012x}"
            yield template.format(
                id=f"{stamp[:8]}-{stamp[8:]}-7000-8000-{index:012x}",
                created_at=at.isoformat(),
                patient_id=patient,
                trial_id=trial,
                site_id=site,
                number=index // each + 1,
            )

    return [str(field.column) for field in fields], lines()


def _text(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def _superuser() -> Any:
    """Connect as the embedded server's superuser: COPY without the triggers, and VACUUM."""
    import psycopg
    from django.db import connection

    settings = connection.settings_dict
    return psycopg.connect(host=settings["HOST"], dbname=settings["NAME"], user="postgres")


def _people(trial: Any, sites: list[Any]) -> dict[str, Any]:
    from portal.accounts.models import User
    from portal.core import clock
    from portal.core.history import acting
    from portal.core.ids import SYSTEM_ACCOUNT
    from trials.services.assignments import assign_role

    # Spread over the trial, as a monitor's sites are.
    few = sites[:: max(1, len(sites) // FEW_SITES)][:FEW_SITES]
    places: dict[str, list[Any]] = {"1 site": sites[:1], "20 sites": few, "all sites": [trial]}
    system, at = User.objects.get(pk=SYSTEM_ACCOUNT), clock.now()
    people = {}
    for name, wheres in places.items():
        with acting(by=system, reason="benchmark"):
            person = User.objects.create(username=name.replace(" ", "-"), password="!")
        for where in wheres:
            assign_role(person=person, role="cra", where=where, from_at=at, by=system, at=at)
        person.refresh_from_db()
        people[name] = person
    return people


def _grant_the_usual_way(users: dict[str, Any], trial: Any, sites: list[Any]) -> None:
    """One generic guardian row for each event and user, as django-guardian is commonly used."""
    from django.contrib.contenttypes.models import ContentType

    from events.models import AdverseEvent
    from portal.access.permissions import Permission
    from portal.access.scoping import scope

    kind = ContentType.objects.get_for_model(AdverseEvent).pk
    with _superuser() as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO auth_permission (name, content_type_id, codename) "
            "VALUES ('bench', %s, 'bench_view') RETURNING id",
            [kind],
        )
        permission = cursor.fetchone()[0]
        for user in users.values():
            held = scope(user, Permission.ADVERSE_EVENT_VIEW)
            cursor.execute(
                "INSERT INTO guardian_userobjectpermission "
                "(object_pk, content_type_id, permission_id, user_id) "
                "SELECT id::text, %s, %s, %s FROM events_adverseevent "
                "WHERE trial_id = ANY(%s) OR site_id = ANY(%s)",
                [kind, permission, user.pk, list(held.trials), list(held.sites)],
            )
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def _bearer(user: Any) -> str:
    from portal.accounts.models import SessionKind
    from portal.accounts.services import tokens
    from portal.accounts.services.sessions import Client, open_session
    from portal.accounts.services.tokens import TokenType
    from portal.core import clock
    from portal.core.history import acting

    at = clock.now()
    with acting(by=user, reason="benchmark"):
        session = open_session(user=user, kind=SessionKind.WEB, client=Client(), at=at)
    token = tokens.make(
        TokenType.ACCESS,
        user=user.pk,
        session=session.pk,
        issued_at=at,
        expires_at=at + timedelta(hours=3),
    )
    return f"Bearer {token}"


# --- measuring --------------------------------------------------------------------------------


def measure(world: World, name: str, runs: int) -> Figure:
    """Return the medians of one kind of user: ours and the usual way take turns."""
    from events.models import AdverseEvent
    from portal.access.permissions import Permission
    from portal.access.scoping import visible

    seen = visible(AdverseEvent.objects.all(), world.users[name], Permission.ADVERSE_EVENT_VIEW)
    rows = seen.count()
    late = seen.order_by("-created_at", "-id").values_list("created_at", "id")[rows - 150]
    header = world.headers[name]
    ways = {
        "first": request(ours(), header),
        "deep": request(ours(), header, cursor=cursor_at(*late)),
        "usual_first": request(the_usual_way(), header, limit="50"),
        "usual_deep": request(the_usual_way(), header, limit="50", offset=str(rows - 150)),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(runs + 2):
        for way, call in ways.items():
            if way.startswith("usual") and turn > 6:
                continue
            began = time.perf_counter()
            answer = call()
            if turn >= 2:  # the first two warm caches and plans
                taken[way].append((time.perf_counter() - began) * 1000)
            assert len(answer["results"]) == 50, (way, len(answer["results"]))
    medians = {way: statistics.median(values) for way, values in taken.items()}
    figure = Figure(user=name, rows=rows, **medians)
    show(figure)
    return figure


def ours() -> Callable[..., Any]:
    """Return the list of the API."""
    from django.urls import resolve

    return resolve("/api/v1/adverse-events/").func


def the_usual_way() -> Callable[..., Any]:
    """Return the same list as a plain DRF project has it."""
    from guardian.shortcuts import get_objects_for_user  # noqa: TID251 - it is what is measured
    from rest_framework.generics import ListAPIView
    from rest_framework.pagination import LimitOffsetPagination
    from rest_framework.permissions import IsAuthenticated

    from events.api.serializers import AdverseEventSerializer
    from events.selectors import adverse_events
    from portal.api.authentication import BearerAuthentication

    class Usual(ListAPIView):  # type: ignore[type-arg]
        serializer_class = AdverseEventSerializer
        pagination_class = LimitOffsetPagination
        permission_classes = (IsAuthenticated,)
        authentication_classes = (BearerAuthentication,)
        filter_backends = ()

        def get_queryset(self) -> Any:
            rows = adverse_events().order_by("-created_at", "-id")
            return get_objects_for_user(self.request.user, "events.bench_view", klass=rows)

    return Usual.as_view()


def request(view: Callable[..., Any], header: str, **parameters: str) -> Callable[[], Any]:
    """Return a call that answers one request and gives its body."""
    from django.test import RequestFactory

    factory = RequestFactory(SERVER_NAME="127.0.0.1")

    def call() -> Any:
        import json

        asked = factory.get(
            "/api/v1/adverse-events/", parameters, headers={"authorization": header}
        )
        asked.user = None  # type: ignore[assignment]
        response = view(asked)
        response.render()
        assert response.status_code == 200, (response.status_code, response.content[:300])
        return json.loads(response.content)

    return call


def cursor_at(created_at: datetime, key: Any) -> str:
    """Return the cursor of the page after that row, as `next` would have it."""
    from django.core.signing import Signer

    place = ["-created_at", False, {"at": created_at.isoformat()}, {"id": str(key)}]
    return str(Signer(salt="portal.api.cursor").sign_object(place))


# --- telling ----------------------------------------------------------------------------------


def show(f: Figure) -> None:
    """Print one user's line."""
    print(
        f"{f.user:<10}{f.rows:>9,} rows  first {f.first:6.1f} ms  deep {f.deep:6.1f} ms "
        f"(x{f.deep / f.first:.2f})  usual first {f.usual_first:7.1f} ms "
        f"(x{f.usual_first / f.first:.0f})  usual deep {f.usual_deep:7.1f} ms "
        f"(x{f.usual_deep / f.deep:.0f})",
        flush=True,
    )


def report(figures: list[Figure]) -> int:
    """Say whether each goal is met."""
    few = next(f for f in figures if f.user == "20 sites")
    slowest = max(max(f.first, f.deep) for f in figures)
    depth = max(f.deep / f.first for f in figures)
    first, deep = few.usual_first / few.first, few.usual_deep / few.deep
    met = [
        verdict(
            f"at most {MOST_MS:.0f} ms at any depth", f"{slowest:.1f} ms", is_met=slowest <= MOST_MS
        ),
        verdict(
            f"deep at most {MOST_DEEP_TO_FIRST} x first",
            f"{depth:.2f}",
            is_met=depth <= MOST_DEEP_TO_FIRST,
        ),
        verdict(
            f"first at least {LEAST_GAIN_FIRST:.0f} x faster",
            f"{first:.0f}",
            is_met=first >= LEAST_GAIN_FIRST,
        ),
        verdict(
            f"deep at least {LEAST_GAIN_DEEP:.0f} x faster",
            f"{deep:.0f}",
            is_met=deep >= LEAST_GAIN_DEEP,
        ),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
