"""People see through what they are signed in, end it, and are told of a token used twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Session, User
from portal.accounts.services import sessions
from portal.accounts.services.sessions import Client as Caller
from portal.accounts.services.sessions import TokenRevoked, Tokens
from portal.core import clock
from portal.core.history import TRACKED
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.django_db
OWN = "/api/v1/auth/sessions/"
PASSWORD = "correct horse battery staple"
PHONE = Caller(address="192.0.2.7", user_agent="Diary/3.1", device_id="phone-1")
SignIn = Callable[[], Tokens]


@pytest.fixture
def sign_in(settings: Any) -> SignIn:
    """Sign Ines in, as often as one likes."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from portal.accounts.services.users import create_user

    system, at = User.objects.get(pk=SYSTEM_ACCOUNT), clock.now()
    create_user(
        username="ines", display_name="Ines", password=PASSWORD, by=system, at=at, reason="new"
    )
    return lambda: sessions.sign_in(
        username="ines", password=PASSWORD, client=PHONE, at=clock.now(), roles_of=lambda _: []
    )


def of(tokens: Tokens) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.access}"}


def test_one_s_own_sessions_are_listed_and_nobody_else_s(sign_in: SignIn) -> None:
    first, second = sign_in(), sign_in()
    bearer(make_person(World(), "stranger"))
    rows = Client().get(OWN, headers=of(second)).json()["results"]
    assert [row["id"] for row in rows] == [str(second.session.pk), str(first.session.pk)]
    assert [row["is_current"] for row in rows] == [True, False]
    assert (rows[0]["program"], rows[0]["address"]) == (PHONE.user_agent, PHONE.address)
    assert rows[0]["ended_at"] is rows[0]["end_reason"] is rows[0]["security_event"] is None


@pytest.mark.req("J8")
def test_a_session_is_ended_by_its_owner_at_once_and_again_without_harm(sign_in: SignIn) -> None:
    lost, kept = sign_in(), sign_in()
    for _ in range(2):
        answer = Client().post(
            f"{OWN}{lost.session.pk}/end/", {}, "application/json", headers=of(kept)
        )
        assert answer.status_code == 204
    assert Client().get(OWN, headers=of(lost)).json()["code"] == "token_revoked"
    assert Client().get(OWN, headers=of(kept)).status_code == 200


def test_another_person_s_session_is_like_one_that_never_was(sign_in: SignIn) -> None:
    mine = sign_in()
    headers = bearer(make_person(World(), "stranger"))
    for key in (mine.session.pk, uuid7()):
        answer = Client().post(f"{OWN}{key}/end/", {}, "application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert Client().get(OWN, headers=of(mine)).status_code == 200


def test_signing_out_everywhere_ends_this_session_too(sign_in: SignIn) -> None:
    first, second = sign_in(), sign_in()
    assert (
        Client().post(f"{OWN}end-all/", {}, "application/json", headers=of(second)).status_code
        == 204
    )
    for tokens in (first, second):
        assert Client().get(OWN, headers=of(tokens)).json()["code"] == "token_revoked"


@pytest.mark.req("J10")
def test_the_person_is_told_of_a_refresh_token_that_was_used_twice(sign_in: SignIn) -> None:
    stolen, kept = sign_in(), sign_in()
    at = clock.now()
    sessions.refresh(token=stolen.refresh, client=PHONE, at=at, roles_of=lambda _: [])
    thief = Caller(address="203.0.113.9", user_agent="curl/8", device_id="")
    with pytest.raises(TokenRevoked):
        sessions.refresh(
            token=stolen.refresh,
            client=thief,
            at=at + timedelta(minutes=1),
            roles_of=lambda _: [],
        )
    (told,) = Client().get("/api/v1/auth/me/", headers=of(kept)).json()["security_events"]
    assert (told["kind"], told["session"]) == ("token_reused", str(stolen.session.pk))
    assert (told["address"], told["program"]) == ("203.0.113.9", "curl/8")
    rows = {row["id"]: row for row in Client().get(OWN, headers=of(kept)).json()["results"]}
    assert rows[str(stolen.session.pk)]["end_reason"] == "reused"
    assert rows[str(stolen.session.pk)]["security_event"] == told
    stranger = Client().get("/api/v1/auth/me/", headers=bearer(make_person(World(), "other")))
    assert stranger.json()["security_events"] == []


def test_an_administrator_lists_and_ends_sessions_with_a_reason(sign_in: SignIn) -> None:
    tokens = [sign_in() for _ in range(3)]
    headers = bearer(make_person(World(), "root", "system_admin"))
    listed = Client().get("/api/v1/sessions/?limit=500", headers=headers).json()["results"]
    row = next(row for row in listed if row["id"] == str(tokens[0].session.pk))
    address = f"/api/v1/sessions/{row['id']}/end/"

    def post(where: str, body: dict[str, Any], **more: str) -> Any:
        return Client().post(where, body, "application/json", headers={**headers, **more})

    version = f'"{row["version"]}"'
    refused = post(address, {}, **{"if-match": version})
    assert (refused.status_code, refused.json()["code"]) == (400, "change_reason_required")
    assert post(address, {"change_reason": "left"}).status_code == 428
    assert post(address, {"change_reason": "left"}, **{"if-match": version}).status_code == 204
    everywhere = {"user": str(tokens[0].user.pk), "change_reason": "lost the phone"}
    assert post("/api/v1/sessions/end-all/", everywhere).status_code == 204
    assert not Session.objects.filter(user=tokens[0].user, revoked_at__isnull=True).exists()
    reasons = TRACKED[Session]._default_manager.filter(pgh_label="update")
    assert set(reasons.values_list("acted_reason", flat=True)) >= {"left", "lost the phone"}
