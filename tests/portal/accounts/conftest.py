"""People who sign in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.services import sessions, users
from portal.accounts.services.sessions import Client, Tokens
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT

PASSWORD = "correct horse battery staple"
PHONE = Client(address="192.0.2.7", user_agent="Diary/3.1", device_id="phone-1")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Hash at once: what these tests measure is not the hasher."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def system(db: None) -> User:
    """The account that acts when no person does."""
    return User.objects.get(pk=SYSTEM_ACCOUNT)


@pytest.fixture
def make_person(system: User) -> Callable[..., User]:
    """Make an account with PASSWORD."""

    def make(username: str = "ines", **more: Any) -> User:
        return users.create_user(
            **{
                "username": username,
                "display_name": username.title(),
                "password": PASSWORD,
                "by": system,
                "at": clock.now(),
                "reason": "a new colleague",
                **more,
            }
        )

    return make


@pytest.fixture
def ines(make_person: Callable[..., User]) -> User:
    """An investigator."""
    return make_person("ines")


@pytest.fixture
def sign_in() -> Callable[..., Tokens]:
    """Sign in with PASSWORD from the phone."""

    def run(username: str = "ines", **more: Any) -> Tokens:
        return sessions.sign_in(
            **{
                "username": username,
                "password": PASSWORD,
                "client": PHONE,
                "at": clock.now(),
                "roles_of": lambda user: ["doctor"],
                **more,
            }
        )

    return run


@pytest.fixture
def refresh() -> Callable[..., Tokens]:
    """Refresh from the phone."""

    def run(token: str, **more: Any) -> Tokens:
        return sessions.refresh(
            **{
                "token": token,
                "client": PHONE,
                "at": clock.now(),
                "roles_of": lambda user: ["doctor"],
                **more,
            }
        )

    return run


@pytest.fixture
def signed_in(ines: User, sign_in: Callable[..., Tokens]) -> Iterator[Tokens]:
    """Ines, signed in."""
    yield sign_in()
