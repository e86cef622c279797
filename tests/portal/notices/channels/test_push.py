"""Letters by web push: encrypted for one browser, signed by the portal, and nowhere else."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services.sessions import Client as Program
from portal.accounts.services.sessions import open_session, revoke_session, sign_out
from portal.core import clock
from portal.core.history import acting
from portal.notices.channels.base import Letter, Outcome, send
from portal.notices.channels.breaker import FAILURES
from portal.notices.channels.email import RESTS
from portal.notices.channels.encryption import encrypt
from portal.notices.channels.push import public_key
from portal.notices.models import PushSubscription
from portal.notices.services.push import Address, address_of, subscribe, unsubscribe
from tests.access.world import bearer
from tests.portal.notices.channels.servers import (
    Browser,
    PushService,
    decoded,
    encoded,
    push_service,
)

Make = Callable[..., Letter]


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    """A push service that the portal may call."""
    with push_service(PushService()) as running:
        settings.OUTBOUND_ALLOW = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def session(person: User) -> Session:
    """The session of the person's browser."""
    with acting(by=person, reason="test"):
        return open_session(user=person, kind=SessionKind.WEB, client=Program(), at=clock.now())


@pytest.fixture
def browser(service: PushService, session: Session, person: User) -> Browser:
    """A browser by which the person is told."""
    made = Browser()
    add(made, f"{service.origin}/send/1", session, person)
    return made


def add(browser: Browser, endpoint: str, session: Session, by: User) -> PushSubscription:
    address = Address(endpoint, browser.public, browser.secret)
    return subscribe(address=address, session=session, by=by, at=clock.now())


def test_encryption_gives_the_bytes_of_the_standard() -> None:
    """Source: RFC 8291 appendix A."""
    own = ec.derive_private_key(
        int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"),
        ec.SECP256R1(),
    )

    made = encrypt(
        b"When I grow up, I want to be a watermelon",
        browser_key=decoded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        browser_secret=decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
        own_key=own,
    )

    assert encoded(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_push_tells_the_browser_its_id_and_the_service_nothing(
    browser: Browser, service: PushService, letter: Make
) -> None:
    one = letter(title="Serious adverse event of S-0107")

    answer = send("push", one)

    assert (answer.outcome, answer.message_id) == (Outcome.SENT, one.id.hex)
    headers, body = service.received[0]
    said = {"id": str(one.id), "about": str(one.about), "title": "You have a message"}
    assert json.loads(browser.read(body)) == said
    everything = body + json.dumps(headers).encode()
    for word in (b"S-0107", b"Serious", b"ana", b"portal.example"):
        assert word not in everything


def test_a_push_is_signed_for_its_service_and_nobody_elses(
    browser: Browser, service: PushService, letter: Make
) -> None:
    send("push", letter())

    claims = service.claims()
    assert claims["aud"] == service.origin
    assert claims["sub"].startswith("mailto:")
    assert 0 < claims["exp"] - clock.now().timestamp() <= 24 * 3600
    assert claims["key"] == public_key()


@pytest.mark.req("F11")
def test_a_repeat_replaces_what_the_service_still_has(
    browser: Browser, service: PushService, letter: Make
) -> None:
    one = letter()
    send("push", one)
    send("push", one)

    first, second = (headers for headers, _ in service.received)
    assert first["topic"] == second["topic"] == one.id.hex
    assert (first["ttl"], first["urgency"]) == ("86400", "high")
    assert first["content-encoding"] == "aes128gcm"


@pytest.mark.req("F104")
@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_not_told_again(
    browser: Browser, service: PushService, letter: Make, status: int
) -> None:
    service.status = status

    assert send("push", letter()).outcome is Outcome.REFUSED
    assert send("push", letter()).outcome is Outcome.NO_ADDRESS
    row = PushSubscription.objects.get()
    assert row.end_reason == "gone"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "sent"), (400, "refused"), (413, "refused"), (429, "failed"), (503, "failed")],
)
def test_a_services_answer_is_told_by_its_status(
    browser: Browser, service: PushService, letter: Make, status: int, outcome: str
) -> None:
    service.status = status

    answer = send("push", letter())

    assert (answer.outcome, answer.provider) == (outcome, f"HTTP {status}")


def test_a_redirect_is_not_followed(browser: Browser, service: PushService, letter: Make) -> None:
    service.status, service.location = 307, f"{service.origin}/elsewhere"

    assert send("push", letter()).outcome is Outcome.FAILED
    assert len(service.received) == 1


def test_an_address_in_our_own_network_is_never_called(
    session: Session, person: User, letter: Make, service: PushService, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = []
    add(Browser(), f"https://127.0.0.1:{service.port}/send/1", session, person)

    assert send("push", letter()).outcome is Outcome.REFUSED
    assert service.received == []


def test_a_service_that_fails_rests_and_is_asked_again(
    browser: Browser, service: PushService, letter: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.status = 500
    for _ in range(FAILURES):
        send("push", letter())
    assert send("push", letter()).provider == RESTS
    assert len(service.received) == FAILURES
    service.status = 201
    monkeypatch.setattr("portal.notices.channels.breaker.REST_SECONDS", 0.0)

    assert send("push", letter()).outcome is Outcome.SENT
    assert send("push", letter()).outcome is Outcome.SENT


def test_one_browser_of_two_is_enough(
    browser: Browser, service: PushService, session: Session, person: User, letter: Make
) -> None:
    add(Browser(), "https://127.0.0.1:1/refused", session, person)

    assert send("push", letter()).outcome is Outcome.SENT


def test_a_session_that_somebody_ended_ends_the_telling(
    browser: Browser, session: Session, person: User, letter: Make
) -> None:
    revoke_session(session=session, by=person, at=clock.now(), reason="lost phone")

    assert send("push", letter()).outcome is Outcome.NO_ADDRESS


def test_the_address_is_sealed_in_the_database(browser: Browser, service: PushService) -> None:
    row = PushSubscription.objects.get()

    assert service.origin.encode() not in bytes(row.address)
    assert (row.host, browser.secret in bytes(row.address)) == ("127.0.0.1", False)


SUBSCRIPTIONS = "/api/v1/push-subscriptions/"


def body(browser: Browser, endpoint: str) -> dict[str, Any]:
    keys = {"p256dh": encoded(browser.public), "auth": encoded(browser.secret)}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


def post(by: User, sent: dict[str, Any]) -> Any:
    return Client().post(SUBSCRIPTIONS, sent, "application/json", headers=bearer(by))


def test_a_browser_subscribes_sees_itself_and_leaves(person: User) -> None:
    key = Client().get(SUBSCRIPTIONS + "key/", headers=bearer(person)).json()["key"]
    assert len(decoded(key)) == 65

    made = post(person, body(Browser(), "https://push.example/send/1"))

    assert (made.status_code, made.json()["host"]) == (201, "push.example")
    assert "send/1" not in made.content.decode()
    listed = Client().get(SUBSCRIPTIONS, headers=bearer(person)).json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    address = f"{SUBSCRIPTIONS}{made.json()['id']}/"
    gone = Client().delete(address, headers={**bearer(person), "if-match": made["ETag"]})
    assert gone.status_code == 204
    assert Client().get(SUBSCRIPTIONS, headers=bearer(person)).json()["results"] == []


def test_a_browser_tells_only_who_subscribed_last(person: User, session: Session) -> None:
    browser = Browser()
    post(person, body(browser, "https://push.example/send/1"))
    post(person, body(browser, "https://push.example/send/1"))

    rows = PushSubscription.objects.order_by("created_at")
    assert [row.end_reason for row in rows] == ["replaced", ""]


def test_a_browser_whose_session_was_ended_is_not_listed(
    browser: Browser, person: User, session: Session
) -> None:
    assert len(Client().get(SUBSCRIPTIONS, headers=bearer(person)).json()["results"]) == 1
    sign_out(session=session, by=person, at=clock.now())
    assert Client().get(SUBSCRIPTIONS, headers=bearer(person)).json()["results"] == []


def renewed(by: User, previous: str, **more: Any) -> Any:
    """Tell, as a service worker does, that a browser has another address."""
    sent = body(Browser(), "https://push.example/send/2") | {"previous_endpoint": previous}
    return Client().post(
        SUBSCRIPTIONS + "renew/", sent | more, "application/json", headers=bearer(by)
    )


def test_browser_whose_address_changed_goes_on_telling_as_the_same_row(person: User) -> None:
    made = post(person, body(Browser(), "https://push.example/send/1")).json()

    answer = renewed(person, "https://push.example/send/1")

    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert answer.json()["version"] == made["version"] + 1
    row = PushSubscription.objects.get()
    assert address_of(row).endpoint == "https://push.example/send/2"
    assert row.ended_at is None


def test_browser_that_the_push_service_had_gone_already_is_told_again(
    browser: Browser, service: PushService, letter: Make, person: User
) -> None:
    service.status = 410
    assert send("push", letter()).outcome is Outcome.REFUSED

    assert renewed(person, f"{service.origin}/send/1").status_code == 200

    assert PushSubscription.objects.get().end_reason == ""


def test_browser_that_does_not_say_its_previous_address_is_known_by_its_session(
    person: User, session: Session
) -> None:
    here, elsewhere = bearer(person), bearer(person)
    first = body(Browser(), "https://push.example/send/1")
    Client().post(SUBSCRIPTIONS, first, "application/json", headers=here)
    second = body(Browser(), "https://push.example/send/2")
    codes = [
        Client()
        .post(SUBSCRIPTIONS + "renew/", second, "application/json", headers=headers)
        .status_code
        for headers in (elsewhere, here)
    ]
    assert codes == [409, 200]


@pytest.mark.parametrize("previous", ["https://push.example/send/1", ""])
def test_who_signed_in_there_since_is_not_told_by_it(
    person: User, another: User, previous: str
) -> None:
    """A browser that several people use told the first of them only."""
    post(person, body(Browser(), "https://push.example/send/1"))

    answer = renewed(another, previous)

    assert (answer.status_code, answer.json()["code"]) == (409, "push_subscription_unknown")
    assert address_of(PushSubscription.objects.get()).endpoint.endswith("/send/1")


@pytest.mark.parametrize("ending", ["sign out", "unsubscribe"])
def test_browser_that_was_told_to_stop_is_not_renewed(
    browser: Browser, service: PushService, person: User, session: Session, ending: str
) -> None:
    if ending == "sign out":
        sign_out(session=session, by=person, at=clock.now())
    else:
        row = PushSubscription.objects.get()
        unsubscribe(subscription=row, by=person, at=clock.now())

    assert renewed(person, f"{service.origin}/send/1").status_code == 409


def test_renewed_address_is_taken_from_whoever_else_had_it(person: User, another: User) -> None:
    post(another, body(Browser(), "https://push.example/send/2"))
    post(person, body(Browser(), "https://push.example/send/1"))

    assert renewed(person, "https://push.example/send/1").status_code == 200

    rows = PushSubscription.objects.order_by("created_at")
    assert [row.end_reason for row in rows] == ["replaced", ""]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"endpoint": "http://push.example/1"}, "/endpoint"),
        ({"endpoint": "ftp://push.example/1"}, "/endpoint"),
        ({"endpoint": "https://user@push.example/1"}, "/endpoint"),
        ({"endpoint": "https://push.example:99999/"}, "/endpoint"),
        ({"endpoint": ""}, "/endpoint"),
        ({"keys": {"p256dh": "BAAA", "auth": encoded(bytes(16))}}, "/keys"),
        ({"keys": {"p256dh": encoded(Browser().public), "auth": "AAAA"}}, "/keys"),
    ],
)
def test_what_is_no_subscription_is_refused(
    person: User, change: dict[str, Any], pointer: str
) -> None:
    answer = post(person, body(Browser(), "https://push.example/1") | change)

    assert answer.status_code == 400
    assert [part["pointer"] for part in answer.json()["errors"]] == [pointer]


def test_without_a_key_there_is_no_web_push(person: User, settings: Any, letter: Make) -> None:
    settings.VAPID_KEY = ""

    answer = Client().get(SUBSCRIPTIONS + "key/", headers=bearer(person))

    assert (answer.status_code, answer.json()["code"]) == (503, "push_unavailable")
    assert send("push", letter()).outcome is Outcome.NO_ADDRESS
