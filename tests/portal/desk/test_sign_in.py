"""Signing in at the desk: recorded, ended, and refused alike."""

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Session, SessionKind, User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.portal.desk import world as worlds

pytestmark = pytest.mark.django_db(transaction=True)


def _with_password(user: User) -> User:
    with acting(by=SYSTEM_ACCOUNT, reason="made for the test"):
        User.objects.filter(pk=user.pk).update(password=make_password(worlds.PASSWORD))
    return user


def _sign_in(client: Client, username: str, password: str = worlds.PASSWORD) -> int:
    body = {"username": username, "password": password}
    return client.post(reverse("admin:login"), body).status_code


def test_a_session_is_recorded_at_sign_in_and_ended_at_sign_out() -> None:
    user = _with_password(worlds.build().person("inspector"))
    client = Client()

    assert _sign_in(client, user.username) == 302
    session = Session.objects.get(user=user)
    assert (session.kind, session.revoked_at) == (SessionKind.DESK, None)
    assert client.get(reverse("admin:index")).status_code == 200

    client.post(reverse("admin:logout"))
    session.refresh_from_db()
    assert session.revoked_at is not None
    assert client.get(reverse("admin:index")).status_code == 302


def test_a_patient_a_wrong_password_and_an_unknown_name_are_refused_alike() -> None:
    world = worlds.build()
    patient = _with_password(world.person("patient", "patient", world.patients[0].pk))
    staff = _with_password(world.person("inspector"))
    pages = []

    for name, password in (
        (patient.username, worlds.PASSWORD),
        (staff.username, "not this one"),
        ("nobody-of-that-name", worlds.PASSWORD),
    ):
        response = Client().post(reverse("admin:login"), {"username": name, "password": password})
        pages.append(response.context["form"].non_field_errors().as_text())

    assert len(set(pages)) == 1
    assert pages[0]


def test_another_password_ends_every_session_of_its_owner() -> None:
    user = _with_password(worlds.build().person("inspector"))
    here, there = Client(), Client()
    assert _sign_in(here, user.username) == _sign_in(there, user.username) == 302
    fresh = "another long enough phrase"
    body = {"old_password": worlds.PASSWORD, "new_password1": fresh, "new_password2": fresh}

    assert here.post(reverse("admin:password_change"), body).status_code == 302

    for client in (here, there):
        assert client.get(reverse("admin:index")).status_code == 302
    assert _sign_in(here, user.username, fresh) == 302


def test_a_cookie_without_a_recorded_session_opens_nothing() -> None:
    user = worlds.build().person("inspector")
    client = Client()
    client.force_login(user, "portal.accounts.backends.PortalBackend")

    assert client.get(reverse("admin:index")).status_code == 302


def test_the_front_page_says_what_this_is_not() -> None:
    text = Client().get("/").content.decode()

    assert "Not for monitoring or emergency decisions" in text
    assert reverse("admin:index") in text
