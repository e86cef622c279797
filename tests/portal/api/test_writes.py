"""Every write: repeated safely, conditional on the version, with a reason, within scope."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings, settings
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from portal.accounts.services.users import deactivate_user
from portal.api.models import StoredAnswer
from portal.api.tasks import forget_stored_answers
from portal.core import clock
from portal.core.history import TRACKED
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, bearer, make_person
from trials.models import Assignment, Site
from trials.services.assignments import end_assignment

pytestmark = [
    pytest.mark.usefixtures("undone"),
    pytest.mark.urls("tests.portal.api.writing"),
]
SITES = "/api/v1/test-sites/"


@pytest.fixture
def manager(world: World) -> User:
    return make_person(world, "writer", "trial_manager", world.trials[0])


def post(path: str, body: Any, person: User, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().post(path, body, "application/json", headers={**bearer(person), **named})


def opening(world: World, code: str = "S-9") -> dict[str, str]:
    return {"trial": str(world.trials[0].pk), "code": code}


def test_a_repeated_request_is_answered_again_and_done_once(world: World, manager: User) -> None:
    key = str(uuid4())
    first = post(SITES, opening(world), manager, idempotency_key=key)
    again = post(SITES, opening(world), manager, idempotency_key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first["ETag"] == again["ETag"] == '"1"'
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Site.objects.filter(code="S-9").count() == 1


def test_the_same_json_in_other_words_is_the_same_body(world: World, manager: User) -> None:
    key, trial = str(uuid4()), world.trials[0].pk
    post(SITES, opening(world), manager, idempotency_key=key)
    spaced = f'{{ "code" : "S\\u002d9", "trial": "{trial}" }}'
    again = post(SITES, spaced, manager, idempotency_key=key.upper())
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")


def test_a_key_with_another_body_or_address_is_a_conflict(world: World, manager: User) -> None:
    key = str(uuid4())
    made = post(SITES, opening(world), manager, idempotency_key=key).json()
    other = post(SITES, opening(world, "S-8"), manager, idempotency_key=key)
    elsewhere = post(
        f"{SITES}{made['id']}/close/",
        {"change_reason": "done"},
        manager,
        idempotency_key=key,
        if_match='"1"',
    )
    for answer in (other, elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert not Site.objects.filter(code="S-8").exists()


def test_a_key_belongs_to_its_caller(world: World, manager: User) -> None:
    key = str(uuid4())
    other = make_person(world, "other writer", "trial_manager", world.trials[0])
    post(SITES, opening(world), manager, idempotency_key=key)
    answer = post(SITES, opening(world, "S-7"), other, idempotency_key=key)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer


@pytest.mark.parametrize("key", ["", "x", "0190", "{}", "0190\u0661"])
def test_a_key_that_is_no_uuid_is_refused(world: World, manager: User, key: str) -> None:
    answer = post(SITES, opening(world), manager, idempotency_key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


def test_a_refusal_by_a_rule_is_answered_again_and_leaves_nothing(
    world: World, manager: User
) -> None:
    key = str(uuid4())
    first = post(SITES, opening(world, "half"), manager, idempotency_key=key)
    again = post(SITES, opening(world, "half"), manager, idempotency_key=key)
    assert first.status_code == again.status_code == 400
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert again["Content-Type"] == "application/problem+json"
    assert not Site.objects.filter(code="half").exists()


def test_trouble_of_ours_is_not_remembered(world: World, manager: User) -> None:
    key = str(uuid4())
    first = post(SITES, opening(world, "unavailable"), manager, idempotency_key=key)
    assert first.status_code == 503
    assert not StoredAnswer.objects.filter(key=key).exists()
    again = post(SITES, opening(world, "S-5"), manager, idempotency_key=key)
    assert again.status_code == 201


def test_who_lost_the_right_is_not_answered_again(world: World, manager: User) -> None:
    key = str(uuid4())
    post(SITES, opening(world), manager, idempotency_key=key)
    held = Assignment.objects.get(person=manager)
    by = User.objects.get(pk=SYSTEM_ACCOUNT)
    end_assignment(assignment=held, by=by, at=clock.now(), reason="left")
    manager.refresh_from_db()
    refused = post(SITES, opening(world), manager, idempotency_key=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    deactivate_user(user=manager, by=by, at=clock.now(), reason="left")
    gone = post(SITES, opening(world), manager, idempotency_key=key)
    assert gone.status_code == 401


def test_a_repeat_in_the_envelope_comes_in_the_envelope(world: World, manager: User) -> None:
    key = str(uuid4())
    first = post(SITES, opening(world), manager, idempotency_key=key)
    enveloped = "application/vnd.portal.envelope+json"
    again = post(SITES, opening(world), manager, idempotency_key=key, accept=enveloped)
    assert again.json() == {"code": 0, "message": "ok", "data": first.json()}


def test_stored_answers_cannot_be_read_in_the_database(world: World, manager: User) -> None:
    key = str(uuid4())
    post(SITES, opening(world, "ZQX-CANARY"), manager, idempotency_key=key)
    stored = StoredAnswer.objects.get(key=key)
    assert b"ZQX" not in bytes(stored.answer)
    moved = StoredAnswer.objects.create(person=manager, key=uuid4(), answer=stored.answer)
    answer = post(SITES, opening(world, "ZQX-CANARY"), manager, idempotency_key=str(moved.key))
    # What was moved to another row does not open.
    assert answer.status_code == 503


def test_without_the_secret_that_sealed_it_a_request_is_not_done_again(
    world: World, manager: User, settings: LazySettings
) -> None:
    key = str(uuid4())
    headers = bearer(manager)
    post(SITES, opening(world), manager, idempotency_key=key)
    settings.SECRET_KEY = "another secret of more than fifty characters, as settings ask"
    again = Client().post(
        SITES, opening(world), "application/json", headers={**headers, "idempotency-key": key}
    )
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_gone")
    assert Site.objects.filter(code="S-9").count() == 1


def test_old_answers_are_forgotten_by_schedule(world: World, manager: User) -> None:
    kept, old = str(uuid4()), str(uuid4())
    post(SITES, opening(world), manager, idempotency_key=kept)
    post(SITES, opening(world, "S-8"), manager, idempotency_key=old)
    past = clock.now() - settings.IDEMPOTENCY_LIFETIME - timedelta(minutes=1)
    StoredAnswer.objects.filter(key=old).update(created_at=past)
    forget_stored_answers()
    assert list(StoredAnswer.objects.values_list("key", flat=True)) == [UUID(kept)]


@pytest.mark.req("F95")
def test_an_update_names_the_version_that_was_read(world: World, manager: User) -> None:
    site, body = world.sites[0], {"change_reason": "full"}
    path = f"{SITES}{site.pk}/close/"
    for nothing in ({}, {"if_match": ""}, {"if_match": "*"}):
        missing = post(path, body, manager, **nothing)
        assert (missing.status_code, missing.json()["code"]) == (428, "if_match_required")
        assert missing["ETag"] == '"1"'
    for other in ('"2"', 'W/"1"', "1", '"1', '"0", "7"'):
        stale = post(path, body, manager, if_match=other)
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")
        assert stale["ETag"] == '"1"'
    done = post(path, body, manager, if_match='"0", "1"')
    assert (done.status_code, done["ETag"], done.json()["version"]) == (200, '"2"', 2)
    assert done.json()["status"] == "closed"


def test_a_repeat_is_answered_again_though_the_version_has_passed(
    world: World, manager: User
) -> None:
    path, key = f"{SITES}{world.sites[0].pk}/close/", str(uuid4())
    first = post(path, {"change_reason": "x"}, manager, if_match='"1"', idempotency_key=key)
    again = post(path, {"change_reason": "x"}, manager, if_match='"1"', idempotency_key=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content


def test_a_stale_request_can_be_repeated_under_its_key(world: World, manager: User) -> None:
    path, key = f"{SITES}{world.sites[0].pk}/close/", str(uuid4())
    body = {"change_reason": "x"}
    assert post(path, body, manager, if_match='"5"', idempotency_key=key).status_code == 412
    assert post(path, body, manager, if_match='"1"', idempotency_key=key).status_code == 200


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("dose was 50% too high", "dose was 50% too high"),
        ("%E5%89%82%E9%87%8F", "剂量"),
        ("d\u00e9j\u00e0 vu".encode().decode("latin-1"), "déjà vu"),
        ("a%20b", "a b"),
    ],
)
def test_the_reason_of_the_header_reaches_the_history(
    world: World, manager: User, header: str, reason: str
) -> None:
    path = f"{SITES}{world.sites[0].pk}/close/"
    done = post(path, {}, manager, if_match='"1"', x_change_reason=header)
    assert done.status_code == 200
    history = TRACKED[Site]._default_manager.filter(pgh_obj_id=world.sites[0].pk)
    assert history.latest("pgh_id").acted_reason == reason


def test_without_a_reason_nothing_changes(world: World, manager: User) -> None:
    path = f"{SITES}{world.sites[0].pk}/close/"
    for body, header in (({}, "  "), ({"change_reason": "  "}, ""), ({}, "%20")):
        answer = post(path, body, manager, if_match='"1"', x_change_reason=header)
        assert answer.status_code == 400
        assert answer.json()["code"] in ("change_reason_required", "invalid")
    assert post(path, {}, manager, if_match='"1"').json()["code"] == "change_reason_required"
    assert Site.objects.get(pk=world.sites[0].pk).version == 1


@pytest.mark.parametrize("header", ["%FF%FE", "a%00b", "a%0Ab", "x" * 501, "%ED%A0%80"])
def test_a_reason_that_is_no_line_of_text_is_refused(
    world: World, manager: User, header: str
) -> None:
    path = f"{SITES}{world.sites[0].pk}/close/"
    answer = post(path, {}, manager, if_match='"1"', x_change_reason=header)
    assert (answer.status_code, answer.json()["code"]) == (400, "change_reason_invalid")


def test_what_is_named_outside_the_scope_does_not_exist(world: World, manager: User) -> None:
    foreign = {"trial": str(world.trials[-1].pk), "code": "S-6"}
    never = {"trial": str(uuid4()), "code": "S-6"}
    for body in (foreign, never):
        answer = post(SITES, body, manager)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    closing = post(f"{SITES}{world.sites[-1].pk}/close/", {"change_reason": "x"}, manager)
    assert closing.status_code == 404


def test_who_sees_and_may_not_is_refused_before_anything_else_is_said(world: World) -> None:
    monitor = make_person(world, "only looking", "cra", world.sites[0])
    for path in (SITES, f"{SITES}{world.sites[0].pk}/close/"):
        answer = post(path, {"nonsense": 1}, monitor)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_record_offers_its_writes_to_those_who_may(world: World, manager: User) -> None:
    monitor = make_person(world, "only looking", "cra", world.sites[0])
    path = f"{SITES}{world.sites[0].pk}/"
    offered = [
        Client().get(path, headers=bearer(person)).json()["allowed_actions"]
        for person in (manager, monitor)
    ]
    assert offered == [["close"], []]


def test_no_answer_is_kept_for_a_request_without_a_key(world: World, manager: User) -> None:
    assert post(SITES, opening(world), manager).status_code == 201
    assert not StoredAnswer.objects.exists()


def test_a_crash_before_the_answer_is_kept_leaves_neither(world: World, manager: User) -> None:
    def crash(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "api_storedanswer"'):
            return execute("SELECT pg_cancel_backend(pg_backend_pid())", [], *rest[1:])
        return execute(sql, *rest)

    key = str(uuid4())
    with connection.execute_wrapper(crash):
        assert post(SITES, opening(world), manager, idempotency_key=key).status_code == 503
    assert not Site.objects.filter(code="S-9").exists()
    assert post(SITES, opening(world), manager, idempotency_key=key).status_code == 201
