"""Lists: pages by key in both directions, strict parameters, a constant number of queries."""

from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from patients.models import VitalSign
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.core.partial_dates import PartialDateTime
from tests.access.world import (
    BEGAN,
    World,
    add_patient,
    bearer,
    make_adverse_event,
    make_person,
    make_vital,
)

pytestmark = pytest.mark.usefixtures("undone")
LISTS = ("trials", "sites", "patients", "vitals", "adverse-events", "findings")


@pytest.fixture(scope="module")
def headers(world: World) -> dict[str, str]:
    return bearer(make_person(world, "manager", "trial_manager"))


def _get(path: str, headers: dict[str, str]) -> Any:
    answer = Client().get(path, headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def _walk(path: str, headers: dict[str, str], direction: str) -> list[list[str]]:
    pages = []
    link: str | None = path
    while link:
        page = _get(link, headers)
        pages.append([row["id"] for row in page["results"]])
        link = page[direction]
    return pages


@pytest.mark.parametrize("name", LISTS)
def test_pages_show_every_record_once_in_both_directions(
    world: World, headers: dict[str, str], name: str
) -> None:
    whole = [row["id"] for row in _get(f"/api/v1/{name}/?limit=500", headers)["results"]]
    there = _walk(f"/api/v1/{name}/?limit=5", headers, "next")
    assert list(chain.from_iterable(there)) == whole
    last = _get(f"/api/v1/{name}/?limit=5", headers)
    while last["next"]:
        last = _get(last["next"], headers)
    back = [[row["id"] for row in last["results"]]]
    if last["previous"]:
        back += _walk(last["previous"], headers, "previous")
    assert list(chain.from_iterable(reversed(back))) == whole


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_newest_first_and_turn_round_on_request(
    world: World, headers: dict[str, str], name: str
) -> None:
    ordering = "measured_at" if name == "vitals" else "created_at"
    usual = [row["id"] for row in _get(f"/api/v1/{name}/?limit=500", headers)["results"]]
    turned = _get(f"/api/v1/{name}/?limit=500&ordering={ordering}", headers)["results"]
    assert [row["id"] for row in turned] == usual[::-1]


def test_vitals_without_a_time_are_on_exactly_one_page(
    world: World, headers: dict[str, str]
) -> None:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for index in range(7):
            make_vital(world.patients[0], measured=None, reading_id=f"undated-{index}")
    whole = [row["id"] for row in _get("/api/v1/vitals/?limit=500", headers)["results"]]
    for ordering in ("-measured_at", "measured_at"):
        path = f"/api/v1/vitals/?limit=3&ordering={ordering}"
        pages = list(chain.from_iterable(_walk(path, headers, "next")))
        assert sorted(pages) == sorted(whole)
        assert len(set(pages)) == len(pages)


def test_open_and_protected_findings_share_one_list_of_the_unblinded(world: World) -> None:
    monitor = bearer(make_person(world, "unblinded", "unblinded_monitor", world.trials[0]))
    expected = {
        str(row.pk)
        for row in (*world.findings, *world.protected_findings)
        if row.trial_id == world.trials[0].pk
    }
    for ordering in ("-created_at", "created_at"):
        pages = _walk(f"/api/v1/findings/?limit=3&ordering={ordering}", monitor, "next")
        assert len(list(chain.from_iterable(pages))) == len(expected)
        assert set(chain.from_iterable(pages)) == expected
    with CaptureQueriesContext(connection) as queries:
        _get("/api/v1/findings/?limit=500", monitor)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 8


def test_a_cursor_is_stable_while_rows_are_added(world: World, headers: dict[str, str]) -> None:
    first = _get("/api/v1/adverse-events/?limit=3", headers)
    before = [row["id"] for row in _get(first["next"], headers)["results"]]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_adverse_event(world.patients[0], number=900)
    assert [row["id"] for row in _get(first["next"], headers)["results"]] == before


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=501",
        "limit=1e9",
        "limit=",
        "limit=٥",
        "limit=1&limit=2",
        "ordering=password",
        "ordering=site__trial",
        "ordering=",
        "cursor=",
        "cursor=x",
        "cursor=WyItY3JlYXRlZF9hdCIsZmFsc2Use30seyJpZCI6IngifV0:forged",
        "offset=5",
        "page=2",
        "page_size=1000000000",
        "site__trial=1",
        "password__startswith=a",
        "search=%00",
        "trial=%00",
        "unknown=1",
        "format=json",
    ],
)
def test_F093_what_a_list_does_not_know_is_refused(
    world: World, headers: dict[str, str], name: str, query: str
) -> None:
    answer = Client().get(f"/api/v1/{name}/?{query}", headers=headers)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"].startswith("/")


def test_a_cursor_of_another_order_is_refused(world: World, headers: dict[str, str]) -> None:
    link = _get("/api/v1/patients/?limit=1", headers)["next"]
    answer = Client().get(link + "&ordering=created_at", headers=headers)
    assert answer.json()["errors"][0]["code"] == "invalid_cursor"


@pytest.mark.parametrize("name", [*LISTS, "timeline", "patient-vitals", "history"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, headers: dict[str, str], name: str
) -> None:
    patient, event = world.patients[0], world.adverse_events[0]
    path = {
        "timeline": f"/api/v1/patients/{patient.pk}/timeline/",
        "patient-vitals": f"/api/v1/patients/{patient.pk}/vitals/",
        "history": f"/api/v1/adverse-events/{event.pk}/history/",
    }.get(name, f"/api/v1/{name}/")
    _get(path, headers)
    with CaptureQueriesContext(
        connection,
    ) as few:
        _get(path + "?limit=1", headers)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        _grow(world, name)
    with CaptureQueriesContext(connection) as many:
        shown = len(_get(path + "?limit=500", headers)["results"])
    assert len(many) == len(few) <= 8
    assert shown > 1


def _grow(world: World, name: str) -> None:
    """Make 500 rows of what is cheap, and a few of what is not."""
    patient = world.patients[0]
    if name in ("vitals", "patient-vitals"):
        day = PartialDateTime("2026-02-04")
        VitalSign.objects.bulk_create(
            VitalSign(
                id=uuid7(),
                patient=patient,
                site=patient.site,
                trial=patient.trial,
                code="weight",
                value=70,
                unit="kg",
                measured=day,
                received_at=BEGAN,
            )
            for _ in range(500)
        )
    elif name == "history":
        for number in range(5):
            type(world.adverse_events[0]).objects.filter(pk=world.adverse_events[0].pk).update(
                coded_term=f"Term {number}"
            )
    else:
        for number in range(20):
            add_patient(World(), world.sites[0], f"{name}-{number}")
