"""A person who is told, and letters."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.notices.channels import breaker
from portal.notices.channels.base import Letter


@pytest.fixture
def person(db: None) -> User:
    """A person with an address."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        return User.objects.create(
            username="ana", password="!", display_name="Ana Ruiz", email="ana@hospital.example"
        )


@pytest.fixture
def another(person: User) -> User:
    """A colleague of that person, who uses the same browser."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        return User.objects.create(username="ben", password="!", email="ben@hospital.example")


@pytest.fixture
def letter(person: User) -> Callable[..., Letter]:
    """Letters to the person."""

    def make(**changes: Any) -> Letter:
        told: dict[str, Any] = {
            "id": uuid7(),
            "about": uuid7(),
            "person": person.pk,
            "urgency": "safety",
            "title": "Serious adverse event of S-0107",
            "body": "A serious adverse event was reported for S-0107.",
            "language": "en",
            "link": "https://portal.example/inbox/1",
        }
        return Letter(**told | changes)

    return make


@pytest.fixture(autouse=True)
def fresh_breakers() -> Iterator[None]:
    """Nobody has failed before, nor afterwards."""
    yield
    for one in breaker._BREAKERS.values():
        one.worked()
    breaker._BREAKERS.clear()
