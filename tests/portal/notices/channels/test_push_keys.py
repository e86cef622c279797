"""The addresses of browsers follow the key ring as identities do."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import SessionKind, User
from portal.accounts.services.sessions import Client as Program
from portal.accounts.services.sessions import open_session
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import acting
from portal.core.sealed import KeyMissing, key_id_of
from portal.notices.models import PushSubscription
from portal.notices.services.push import Address, address_of, rotate_addresses, subscribe
from tests.patients.services.people import index_text, ring_text
from tests.portal.notices.channels.servers import Browser

ENDPOINT = "https://push.example.org/send/{}"


@pytest.fixture
def browsers(person: User, settings: Any) -> list[PushSubscription]:
    """Three browsers whose addresses were sealed under the key `old`."""
    settings.IDENTITY_KEYS, settings.IDENTITY_INDEX_KEY = ring_text("old"), index_text("old")
    made = Browser()
    with acting(by=person, reason="test"):
        session = open_session(user=person, kind=SessionKind.WEB, client=Program(), at=clock.now())
    return [
        subscribe(
            address=Address(ENDPOINT.format(number), made.public, made.secret),
            session=session,
            by=person,
            at=clock.now(),
        )
        for number in range(3)
    ]


def keys_in_use() -> set[str]:
    rows = PushSubscription.objects.filter(ended_at__isnull=True)
    return {key_id_of(bytes(row.address)) for row in rows}


def test_a_rotation_seals_addresses_under_the_current_key(
    browsers: list[PushSubscription], settings: Any
) -> None:
    settings.IDENTITY_KEYS = ring_text("new", "old")
    assert rotate_addresses(batch=2, at=clock.now()) == (3, [])
    assert rotate_addresses(batch=2, at=clock.now()) == (0, [])
    assert keys_in_use() == {"new"}
    assert AuditEntry.objects.filter(action="keys_rotated").count() == 2

    settings.IDENTITY_KEYS = ring_text("new")
    rows = PushSubscription.objects.order_by("pk")
    assert [address_of(row).endpoint for row in rows] == [ENDPOINT.format(n) for n in range(3)]


def test_an_address_that_no_key_opens_stays_and_is_named(
    browsers: list[PushSubscription], settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.IDENTITY_KEYS = ring_text("new")
    settings.IDENTITY_INDEX_KEY = index_text("new")
    with pytest.raises(CommandError, match="3 do not open"):
        call_command("rotate_keys")
    assert f"NOT OPENED: push subscription {browsers[0].pk}" in capsys.readouterr().err
    assert keys_in_use() == {"old"}


def test_without_a_key_no_browser_is_kept(
    browsers: list[PushSubscription], person: User, settings: Any
) -> None:
    settings.IDENTITY_KEYS = ""
    with pytest.raises(KeyMissing):
        address_of(browsers[0])
    with pytest.raises(KeyMissing):
        rotate_addresses(batch=2, at=clock.now())
