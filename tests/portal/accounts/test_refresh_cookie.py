"""The refresh token of a browser: in a cookie that no script and no other site can use (J18)."""

from http.cookies import Morsel

import pytest
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import User
from tests.portal.accounts.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.req("J18")]
COOKIE = {"X-Refresh-Transport": "cookie"}
REFRESH = "/api/v1/auth/token/refresh/"


def sign_in(client: Client, *, secure: bool = False) -> "Morsel[str]":
    """Sign in with cookie transport and return the cookie."""
    response = client.post(
        "/api/v1/auth/token/",
        {"username": "ines", "password": PASSWORD},
        content_type="application/json",
        headers=COOKIE,
        secure=secure,
    )
    assert response.status_code == 200, response.content
    assert "refresh" not in response.json()
    (cookie,) = response.cookies.values()
    return cookie


def test_cookie_is_for_this_site_alone_and_no_script(ines: User, client: Client) -> None:
    cookie = sign_in(client)

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["domain"]


def test_under_tls_the_cookie_is_bound_to_the_host(
    ines: User, client: Client, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True

    cookie = sign_in(client, secure=True)

    assert cookie.key.startswith("__Host-")
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


def test_cookie_alone_does_not_refresh(ines: User, client: Client) -> None:
    """Another site can make a browser send the cookie's request, but not our header."""
    sign_in(client)

    assert client.post(REFRESH, {}, content_type="application/json").status_code == 400
    form = client.post(REFRESH, "", content_type="application/x-www-form-urlencoded")
    assert form.status_code in (400, 415)


def test_cookie_with_our_header_refreshes_into_another_cookie(ines: User, client: Client) -> None:
    first = sign_in(client).value

    response = client.post(REFRESH, {}, content_type="application/json", headers=COOKIE)

    assert response.status_code == 200
    (cookie,) = response.cookies.values()
    assert cookie.value != first
    assert "refresh" not in response.json()


def test_signing_out_takes_the_cookie_away(ines: User, client: Client) -> None:
    sign_in(client)
    access = client.post(REFRESH, {}, content_type="application/json", headers=COOKIE).json()

    response = client.post(
        "/api/v1/auth/logout/",
        content_type="application/json",
        headers={"Authorization": f"Bearer {access['access']}"},
    )

    assert response.status_code == 204
    (cookie,) = response.cookies.values()
    assert (cookie.value, cookie["max-age"]) == ("", 0)
    again = client.post(REFRESH, {}, content_type="application/json", headers=COOKIE)
    assert again.status_code == 401  # this client sends even an emptied cookie
