"""Two clicks, two people, one record: exactly one of them wins."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from events.models import AdverseEvent, AdverseEventVersion
from tests import soaks
from tests.access.world import World, bearer, make_person, make_world

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6
EVENTS = "/api/v1/adverse-events/"


@pytest.fixture
def crowd() -> tuple[World, dict[str, str]]:
    world = make_world()
    person = make_person(world, "ines", "principal_investigator", world.sites[0])
    return world, bearer(person)


def at_once(call: Callable[[int], Any], times: int = AT_ONCE) -> list[Any]:
    """Make the same call in so many threads, let go together."""
    barrier = threading.Barrier(times)

    def run(index: int) -> Any:
        try:
            barrier.wait(60)
            return call(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def post(path: str, body: Any, headers: dict[str, str]) -> Any:
    return Client().post(path, json.dumps(body), "application/json", headers=headers)


@pytest.mark.req("F96")
def test_clicks_at_once_report_one_event(crowd: tuple[World, dict[str, str]]) -> None:
    world, headers = crowd
    body = {"patient": str(world.patients[0].pk), "term": "felt dizzy"}
    keyed = {**headers, "idempotency-key": str(uuid4())}
    answers = at_once(lambda index: post(EVENTS, body, keyed))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == AT_ONCE - 1
    assert AdverseEvent.objects.filter(term="felt dizzy").count() == 1


@pytest.mark.req("F96")
def test_of_clicks_at_once_with_one_key_and_other_words_one_is_reported(
    crowd: tuple[World, dict[str, str]],
) -> None:
    world, headers = crowd
    keyed = {**headers, "idempotency-key": str(uuid4())}
    body = {"patient": str(world.patients[0].pk)}
    answers = at_once(lambda index: post(EVENTS, body | {"term": f"dizzy {index}"}, keyed))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused == {"idempotency_conflict"}
    assert AdverseEvent.objects.filter(term__startswith="dizzy").count() == 1


@pytest.mark.req("F96")
def test_reports_at_once_without_a_key_are_each_kept_under_a_number_of_their_own(
    crowd: tuple[World, dict[str, str]],
) -> None:
    world, headers = crowd
    body = {"patient": str(world.patients[0].pk), "term": "felt dizzy"}
    answers = at_once(lambda index: post(EVENTS, body, headers))
    assert {answer.status_code for answer in answers} == {201}
    made = AdverseEvent.objects.filter(term="felt dizzy")
    assert made.values("number").distinct().count() == made.count() == AT_ONCE


@pytest.mark.req("F95")
def test_of_those_who_amend_one_version_exactly_one_wins(
    crowd: tuple[World, dict[str, str]],
) -> None:
    check_one_wins(*crowd)


@pytest.mark.soak
@pytest.mark.req("F95")
def test_in_two_hundred_races_exactly_one_wins_each(crowd: tuple[World, dict[str, str]]) -> None:
    races = soaks.trials(200)
    for _ in range(races):
        check_one_wins(*crowd)
    soaks.tell(f"0 in {races} races of {AT_ONCE} had another number of winners than one")


def check_one_wins(world: World, headers: dict[str, str]) -> None:
    body = {"patient": str(world.patients[0].pk), "term": "felt dizzy"}
    made = post(EVENTS, body, headers).json()
    path = f"{EVENTS}{made['id']}/follow-ups/"

    def amend(index: int) -> Any:
        change = {"kind": "correction", "term": f"term {index}", "change_reason": "x"}
        return post(path, change, {**headers, "if-match": f'"{made["version"]}"'})

    answers = at_once(amend)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 412: AT_ONCE - 1}
    winner = next(answer for answer in answers if answer.status_code == 201)
    assert {answer["ETag"] for answer in answers} == {winner["ETag"]}
    assert AdverseEventVersion.objects.filter(adverse_event=made["id"]).count() == 2


def test_reports_at_once_are_numbered_without_a_gap(crowd: tuple[World, dict[str, str]]) -> None:
    world, headers = crowd
    patients = world.patients[:2]

    def report(index: int) -> Any:
        patient = str(patients[index % 2].pk)
        return post(EVENTS, {"patient": patient, "term": f"term {index}"}, headers)

    numbers = sorted(answer.json()["number"] for answer in at_once(report))
    assert numbers == list(range(numbers[0], numbers[0] + AT_ONCE))
