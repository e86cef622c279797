"""Signing in, staying signed in, signing out, and who am I."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.accounts.services.users import create_user
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ines(world: World) -> User:
    by = User.objects.get(pk=SYSTEM_ACCOUNT)
    person = create_user(
        username="ines", display_name="Ines", password=PASSWORD, by=by, at=clock.now(), reason="x"
    )
    return person


def _post(path: str, body: Any, **headers: str) -> Any:
    return Client().post(
        f"/api/v1/auth/{path}", body, content_type="application/json", headers=headers
    )


def test_a_session_runs_from_sign_in_to_sign_out(ines: User) -> None:
    signed_in = _post("token/", {"username": "Ines", "password": PASSWORD}).json()
    assert set(signed_in) == {"access", "refresh", "access_expires_at", "user"}
    assert signed_in["user"] == {
        "id": str(ines.pk),
        "username": "ines",
        "display_name": "Ines",
        "roles": [],
    }
    refreshed = _post("token/refresh/", {"refresh": signed_in["refresh"]}).json()
    assert set(refreshed) == {"access", "refresh", "access_expires_at"}
    again = _post("token/refresh/", {"refresh": signed_in["refresh"]}).json()
    assert again["refresh"] == refreshed["refresh"]
    authorization = f"Bearer {refreshed['access']}"
    assert _post("logout/", {}, authorization=authorization).status_code == 204
    ended = Client().get("/api/v1/auth/me/", headers={"authorization": authorization})
    assert (ended.status_code, ended.json()["code"]) == (401, "token_revoked")


def test_unknown_and_wrong_are_answered_alike(ines: User) -> None:
    wrong = _post("token/", {"username": "ines", "password": "x"})
    unknown = _post("token/", {"username": "nobody", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert wrong.json()["code"] == "invalid_credentials"


def test_a_locked_account_is_asked_to_wait_whether_it_exists_or_not(ines: User) -> None:
    for name in ("ines", "nobody"):
        answers = [_post("token/", {"username": name, "password": "x"}) for _ in range(11)]
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "account_locked")
        assert int(answers[-1]["Retry-After"]) > 0


def test_me_tells_roles_and_permissions_where_they_hold(world: World) -> None:
    doctor = make_person(world, "doctor", "doctor", world.sites[0], organization="Hospital")
    me = Client().get("/api/v1/auth/me/", headers=bearer(doctor)).json()
    assert me["roles"] == [
        {"role": "doctor", "sponsor": None, "trial": None, "site": str(world.sites[0].pk)}
    ]
    assert me["permissions"]["portal"] == me["permissions"]["trials"] == []
    (held,) = me["permissions"]["sites"]
    assert held["id"] == str(world.sites[0].pk)
    assert "vital_sign:view" in held["permissions"]
    assert "allocation:view" not in held["permissions"]


def test_a_patient_is_told_of_their_own_record(world: World) -> None:
    person = make_person(world, "pat", "patient", world.patients[0])
    me = Client().get("/api/v1/auth/me/", headers=bearer(person)).json()
    (role,) = me["roles"]
    assert role["role"] == "patient"
    assert [held["id"] for held in me["permissions"]["patients"]] == [str(world.patients[0].pk)]


@pytest.mark.parametrize("path", ["token/", "token/refresh/"])
def test_F094_no_field_of_any_table_slips_in(world: World, path: str) -> None:
    for name in {field.name for field in User._meta.get_fields()} - {"username", "password"}:
        known = {"username": "a", "password": "b"} if path == "token/" else {"refresh": "c"}
        answer = _post(path, {**known, name: True})
        assert answer.status_code == 400
        assert answer.json()["code"] == "unknown_field"
