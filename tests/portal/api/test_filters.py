"""Filters of lists: by reference, by word, by clinical date."""

from typing import Any

import pytest
from django.test import Client

from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.world import World, bearer, make_adverse_event, make_person, make_vital

ONSETS = ("2012", "2013", "2013-05", "2013-05-16", "2013-05-17", "2013-05-17T10:00-04:00", "2014")


@pytest.fixture(scope="module")
def headers(world: World) -> dict[str, str]:
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for number, onset in enumerate(ONSETS):
            make_adverse_event(
                world.patients[0], number=100 + number, term="DATED", onset=PartialDateTime(onset)
            )
        make_adverse_event(world.patients[1], number=200, term="FALL 100%_", death="yes")
        make_adverse_event(world.patients[1], number=201, term="GRADED", severity_grade=4)
        make_vital(world.patients[0], code="pulse_rate", value="72", unit="/min")
    return bearer(make_person(world, "manager", "trial_manager"))


def _results(path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = Client().get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("since=2013-05-17", {"2013-05-17", "2013-05-17T10:00-04:00", "2014"}),
        ("until=2013-05-16", {"2012", "2013", "2013-05", "2013-05-16"}),
        ("since=2013&until=2013", set(ONSETS) - {"2012", "2014"}),
        ("since=2013-05-17&until=2013-05-17", {"2013-05-17", "2013-05-17T10:00-04:00"}),
        ("since=2013-05-17T13:00:00Z&until=2013-05-17T15:00:00Z", {"2013-05-17T10:00-04:00"}),
    ],
)
def test_events_are_found_by_their_onset_as_written(
    world: World, headers: dict[str, str], query: str, expected: set[str]
) -> None:
    found = _results(f"adverse-events/?search=dated&limit=500&{query}", headers)
    assert {row["onset"] for row in found} == expected


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("adverse-events/?is_serious=true", 1),
        ("adverse-events/?search=100%25_", 1),
        ("adverse-events/?search=100%25%25", 0),
        ("adverse-events/?severity=4", 1),
        ("adverse-events/?severity=mild", 0),
        ("vitals/?code=pulse_rate", 1),
        ("patients/?search=t00-0-1", 1),
        ("patients/?status=randomized", 0),
        ("patients/?status=screening&limit=500", 12),
        ("findings/?severity=safety", 0),
        ("trials/?search=T10", 1),
        ("patients/?trial=01890000-0000-7000-8000-00000000dead", 0),
    ],
)
def test_filters_find_what_they_say(
    world: World, headers: dict[str, str], path: str, count: int
) -> None:
    assert len(_results(path, headers)) == count


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2013-02-30",
        "since=2013-05-17T24:00",
        "since=9999-12-31",
        "since=0001-01-01",
        "since=infinity",
        "since=-",
        "since=٢٠١٣",
        "until=2013-05-17T10:00:60",
        "is_serious=1",
        "is_serious=True",
        "severity=terrible",
        "trial=1",
        "trial={01890000-0000-7000-8000-00000000dead}",
        "search=" + "x" * 201,
    ],
)
def test_F083_values_that_cannot_be_meant_are_refused(
    world: World, headers: dict[str, str], query: str
) -> None:
    answer = Client().get(f"/api/v1/adverse-events/?{query}", headers=headers)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["pointer"] == "/" + query.partition("=")[0]
