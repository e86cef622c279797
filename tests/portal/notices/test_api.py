"""The inbox over HTTP (contract.md 1)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.core import clock
from portal.core.ids import uuid7
from portal.notices.kinds import NoticeKind
from portal.notices.models import Notice
from portal.notices.services.acknowledging import acknowledge
from portal.notices.services.people import go_away
from tests.access.world import World, bearer
from tests.portal.notices.kit import tell_of_event, tell_plainly
from trials.models import Assignment
from trials.services.assignments import end_assignment

NOTIFICATIONS = "/api/v1/notifications/"


def get(person: User, path: str = NOTIFICATIONS) -> Any:
    return Client().get(path, headers=bearer(person))


def results(person: User, query: str = "") -> list[dict[str, Any]]:
    answer = get(person, NOTIFICATIONS + query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def post(person: User, path: str, body: Any, **headers: str) -> Any:
    return Client().post(
        path, body, content_type="application/json", headers={**bearer(person), **headers}
    )


def acknowledge_by(person: User, notice: Notice, version: int = 1, **body: Any) -> Any:
    path = f"{NOTIFICATIONS}{notice.pk}/acknowledge/"
    return post(person, path, body, **{"if-match": f'"{version}"'})


def test_a_list_shows_ones_own_the_newest_first(world: World) -> None:
    sofia = world.people["sofia"]
    tell_of_event(world, sofia, world.people["mo"])
    tell_plainly(sofia, 2)

    rows = results(sofia)

    assert [row["sequence"] for row in rows] == [2, 1]
    assert {
        "id",
        "version",
        "created_at",
        "sequence",
        "kind",
        "urgency",
        "resource",
        "record",
        "title",
        "seen_at",
        "acknowledged_at",
        "due_at",
    } <= rows[0].keys()
    assert rows[1]["title"] == f"New information on serious adverse event 1 of {_subject(world)}"


def _subject(world: World) -> str:
    return str(world.patients[0].subject_number)


def test_after_gives_exactly_what_is_missing_in_order(world: World) -> None:
    sofia = world.people["sofia"]
    for number in range(5):
        tell_plainly(sofia, number)

    first = get(sofia, NOTIFICATIONS + "?after=2&limit=2").json()
    rest = get(sofia, first["next"].replace("http://testserver", "")).json()

    assert [row["sequence"] for row in first["results"] + rest["results"]] == [3, 4, 5]
    assert rest["next"] is None


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?after=1.5", "?urgency=loud", "?ordering=title", "?arm=A"]
)
def test_odd_parameters_are_refused(world: World, query: str) -> None:
    assert get(world.people["sofia"], NOTIFICATIONS + query).status_code == 400


def test_the_inbox_shows_first_what_nobody_has(world: World) -> None:
    sofia = world.people["sofia"]
    notices = [tell_plainly(sofia, number) for number in range(3)]
    acknowledge(notice=notices[2], by=sofia, at=clock.now())

    rows = results(sofia, "?ordering=-acknowledged_at")
    assert [row["sequence"] for row in rows] == [2, 1, 3]
    assert [row["sequence"] for row in results(sofia, "?unacknowledged=true")] == [2, 1]


def test_filters_by_kind_urgency_place_and_delay(world: World) -> None:
    sofia = world.people["sofia"]
    past = clock.now() - timedelta(minutes=1)
    tell_of_event(world, sofia, kind=NoticeKind.ADVERSE_EVENT_SERIOUS, due_at=past)
    tell_plainly(sofia, 2)

    for query in (
        "?kind=adverse_event.serious",
        "?urgency=safety",
        f"?trial={world.trials[0].pk}",
        f"?site={world.sites[0].pk}",
        "?overdue=true",
    ):
        assert [row["sequence"] for row in results(sofia, query)] == [1], query
    assert [row["sequence"] for row in results(sofia, "?overdue=false")] == [2]


def test_anothers_notice_does_not_exist(world: World) -> None:
    notice = tell_of_event(world, world.people["sofia"])[0]
    ana = world.people["ana"]
    assert get(ana, f"{NOTIFICATIONS}{notice.pk}/").status_code == 404
    assert acknowledge_by(ana, notice).status_code == 404
    assert results(ana, f"?person={world.people['sofia'].pk}") == []


def test_acknowledging_names_the_person_and_keeps_the_comment(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]

    answer = acknowledge_by(sofia, notice, comment="I call the site.")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["acknowledged_by"], body["comment"]) == (str(sofia.pk), "I call the site.")
    assert (body["version"], answer["ETag"], body["allowed_actions"]) == (2, '"2"', [])
    assert body["seen_at"] == body["acknowledged_at"]


def test_acknowledging_needs_the_version_that_was_read(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]
    assert post(sofia, f"{NOTIFICATIONS}{notice.pk}/acknowledge/", {}).status_code == 428
    assert acknowledge_by(sofia, notice).status_code == 200
    assert acknowledge_by(sofia, notice).status_code == 412


def test_that_a_screen_showed_it_is_no_new_version(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]
    version = results(sofia)[0]["version"]
    post(sofia, f"{NOTIFICATIONS}seen/", {"ids": [str(notice.pk)]})

    notice.refresh_from_db()
    assert notice.delivered_at is not None
    assert notice.seen_at is not None
    assert acknowledge_by(sofia, notice, version).status_code == 200


def test_acknowledging_again_under_the_key_gives_the_first_answer(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]
    path = f"{NOTIFICATIONS}{notice.pk}/acknowledge/"
    headers = {"if-match": '"1"', "idempotency-key": str(uuid7())}

    first = post(sofia, path, {"comment": "mine"}, **headers)
    second = post(sofia, path, {"comment": "mine"}, **headers)

    assert second["Idempotency-Replayed"] == "true"
    assert second.json() == first.json()


def test_several_are_acknowledged_with_one_comment(world: World) -> None:
    sofia = world.people["sofia"]
    ids = [str(tell_plainly(sofia, number).pk) for number in range(3)]

    answer = post(sofia, f"{NOTIFICATIONS}acknowledge/", {"ids": ids, "comment": "read"})

    assert answer.status_code == 200
    assert {row["comment"] for row in answer.json()["results"]} == {"read"}
    assert not Notice.objects.filter(person=sofia, acknowledged_at__isnull=True).exists()


def test_what_is_opened_one_by_one_is_named_and_nothing_is_done(world: World) -> None:
    sofia = world.people["sofia"]
    plain = tell_plainly(sofia, 1)
    serious = tell_of_event(world, sofia, kind=NoticeKind.ADVERSE_EVENT_SERIOUS)[0]

    answer = post(sofia, f"{NOTIFICATIONS}acknowledge/", {"ids": [str(plain.pk), str(serious.pk)]})

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "acknowledge_one_by_one")
    assert "adverse_event.serious" in problem["errors"][0]["detail"]
    assert not Notice.objects.filter(acknowledged_at__isnull=False).exists()


def test_several_with_one_of_somebody_else_are_not_found(world: World) -> None:
    sofia = world.people["sofia"]
    ids = [str(tell_plainly(sofia, 1).pk), str(tell_plainly(world.people["mo"], 1).pk)]
    answer = post(sofia, f"{NOTIFICATIONS}acknowledge/", {"ids": ids})
    assert answer.status_code == 404
    assert not Notice.objects.filter(acknowledged_at__isnull=False).exists()


def test_seeing_is_not_acknowledging(world: World) -> None:
    sofia = world.people["sofia"]
    notice = tell_of_event(world, sofia)[0]
    answer = post(sofia, f"{NOTIFICATIONS}seen/", {"ids": [str(notice.pk), str(uuid7())]})
    row = results(sofia)[0]
    assert answer.status_code == 204
    assert row["seen_at"] is not None
    assert row["acknowledged_at"] is None


def test_the_deputy_reads_and_acknowledges_for_who_is_away(world: World) -> None:
    sofia, mo, at = world.people["sofia"], world.people["mo"], clock.now()
    notice = tell_of_event(world, sofia)[0]
    go_away(person=sofia, deputy=mo, from_at=at, to_at=at + timedelta(days=1), by=sofia, at=at)

    assert results(mo) == []
    assert [row["id"] for row in results(mo, f"?person={sofia.pk}")] == [str(notice.pk)]
    answer = acknowledge_by(mo, notice)

    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"] == str(mo.pk)


def test_who_lost_access_is_told_no_number(world: World) -> None:
    ana, at = world.people["ana"], clock.now()
    notice = tell_of_event(world, ana)[0]
    end_assignment(
        assignment=Assignment.objects.get(person=ana), by=ana, at=at, reason="reassigned"
    )

    row = Client().get(NOTIFICATIONS, headers=bearer(User.objects.get(pk=ana.pk))).json()
    row = next(each for each in row["results"] if each["id"] == str(notice.pk))
    assert row["sequence"] == notice.sequence
    assert row["subject_number"] is None
    assert _subject(world) not in row["title"]


def test_statistics_tell_how_soon_by_site_and_person(world: World) -> None:
    sofia, at = world.people["sofia"], clock.now()
    notices = tell_of_event(world, sofia, world.people["ana"], due_at=at - timedelta(minutes=1))
    mine = next(notice for notice in notices if notice.person_id == sofia.pk)
    acknowledge(notice=mine, by=sofia, at=mine.created_at + timedelta(minutes=5))

    rows = get(world.people["tom"], f"{NOTIFICATIONS}statistics/").json()["results"]

    by_person = {row["person"]: row for row in rows}
    assert by_person[str(sofia.pk)]["mean_seconds_to_acknowledge"] == 300
    assert by_person[str(world.people["ana"].pk)]["overdue"] == 1
    assert get(world.people["mei"], f"{NOTIFICATIONS}statistics/").json()["results"] == []
    assert get(world.people["ana"], f"{NOTIFICATIONS}statistics/").status_code == 403


def test_preferences_are_read_and_put(world: World) -> None:
    ana = world.people["ana"]
    path = "/api/v1/notification-preferences/"
    before = get(ana, path)
    wishes = {
        "email": True,
        "push": False,
        "digest": True,
        "digest_at": "07:30:00",
        "quiet_from": "22:00:00",
        "quiet_until": "06:00:00",
        "time_zone": "Asia/Shanghai",
    }

    def put(body: dict[str, Any], tag: str) -> Any:
        return Client().put(
            path, body, content_type="application/json", headers={**bearer(ana), "if-match": tag}
        )

    made = put(wishes, before["ETag"])
    assert made.status_code == 200, made.content
    assert {name: get(ana, path).json()[name] for name in wishes} == wishes
    assert put(wishes, before["ETag"]).status_code == 412
    assert put({**wishes, "time_zone": "Mars/Base"}, made["ETag"]).status_code == 400
    assert put({**wishes, "quiet_until": None}, made["ETag"]).status_code == 400


def test_an_absence_begins_and_ends(world: World) -> None:
    sofia, mo, at = world.people["sofia"], world.people["mo"], clock.now()
    body = {
        "deputy": str(mo.pk),
        "from_at": at.isoformat(),
        "to_at": (at + timedelta(days=3)).isoformat(),
    }
    made = post(sofia, "/api/v1/absences/", body)
    assert made.status_code == 201, made.content
    path = f"/api/v1/absences/{made.json()['id']}/end/"
    assert post(mo, path, {}, **{"if-match": made["ETag"]}).status_code == 404
    assert post(sofia, path, {}, **{"if-match": made["ETag"]}).status_code == 200
    assert len(get(mo, "/api/v1/absences/").json()["results"]) == 1


@pytest.mark.parametrize("change", [{"deputy": "self"}, {"to_at": "2020-01-01T00:00:00Z"}])
def test_an_absence_that_makes_no_sense_is_refused(world: World, change: dict[str, str]) -> None:
    sofia, at = world.people["sofia"], clock.now()
    body = {
        "deputy": str(world.people["mo"].pk),
        "from_at": at.isoformat(),
        "to_at": (at + timedelta(days=3)).isoformat(),
        **{key: str(sofia.pk) if value == "self" else value for key, value in change.items()},
    }
    assert post(sofia, "/api/v1/absences/", body).status_code == 400


def test_whoever_stands_in_is_named_by_user_name(world: World) -> None:
    sofia, mo, at = world.people["sofia"], world.people["mo"], clock.now()
    span = {"from_at": at.isoformat(), "to_at": (at + timedelta(days=3)).isoformat()}
    made = post(sofia, "/api/v1/absences/", {"deputy_username": mo.username.upper(), **span})
    assert (made.status_code, made.json()["deputy_name"]) == (201, mo.get_full_name())
    for unknown in ({"deputy_username": "nobody"}, {}):
        refused = post(sofia, "/api/v1/absences/", {**unknown, **span})
        assert (refused.status_code, refused.json()["code"]) == (400, "no_such_deputy")
