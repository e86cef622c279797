"""Who gets a socket: origins, tickets, first messages (W1, W2, W4, W6, W7)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as HttpClient

from portal.accounts.models import Session
from portal.accounts.services import sessions, users
from portal.core import clock
from portal.core.history import acting
from portal.live.models import UsedTicket
from portal.live.services.tickets import forget_used_tickets, issue_ticket
from tests.access.world import World, access_token, bearer
from tests.portal.live.conftest import Connect, in_database

pytestmark = pytest.mark.django_db(transaction=True)


def ticket_of(world: World, name: str = "ines", *, ago: int = 0) -> str:
    who = sessions.authenticate(access_token(world.people[name]), clock.now())
    return issue_ticket(authenticated=who, at=clock.now() - timedelta(seconds=ago))


FOREIGN = (
    "https://evil.example", "null", "http://testserver.evil.example", "http://localhost:81",
    "https://localhost", "http://LOCALHOST.", "file://", "",
)  # fmt: skip


@pytest.mark.req("W1")
async def test_W01_page_of_another_origin_gets_no_socket(connect: Connect) -> None:
    for origin in FOREIGN:
        client = await connect(headers=((b"host", b"localhost"), (b"origin", origin.encode())))
        assert client.code is not None, origin


@pytest.mark.req("W1")
async def test_W01_own_page_listed_page_and_program_without_origin_get_one(
    world: World, connect: Connect, settings: Any
) -> None:
    settings.ALLOWED_ORIGINS = ["https://wall.example"]
    ines = world.people["ines"]
    for headers in (
        (),
        ((b"host", b"localhost"), (b"origin", b"http://localhost")),
        ((b"host", b"localhost"), (b"origin", b"https://wall.example")),
    ):
        await connect(ines, headers=headers)


@pytest.mark.req("W2")
async def test_W02_ticket_opens_one_socket_and_no_second(world: World, connect: Connect) -> None:
    query = f"?ticket={await in_database(ticket_of)(world)}"
    first = await connect(query=query)
    ready = await first.hear()
    assert ready["type"] == "ready"
    assert ready["user"] == str(world.people["ines"].pk)
    assert await (await connect(query=query)).closed() == 4401


@pytest.mark.req("W2")
async def test_W02_of_six_sockets_with_one_ticket_one_opens(world: World, connect: Connect) -> None:
    query = f"?ticket={await in_database(ticket_of)(world)}"
    clients = await asyncio.gather(*(connect(query=query) for _ in range(6)))
    outputs = [await c.communicator.receive_output(timeout=30) for c in clients]
    kinds = sorted(output["type"] for output in outputs)
    assert kinds == ["websocket.close"] * 5 + ["websocket.send"]


@pytest.mark.req("W2")
async def test_W02_what_is_no_fresh_ticket_closes_with_4401(world: World, connect: Connect) -> None:
    old = await in_database(ticket_of)(world, ago=60)
    access = await in_database(access_token)(world.people["ines"])
    for wrong in (old, access, "a.b.c", "x&ticket=y"):
        assert await (await connect(query=f"?ticket={wrong}")).closed() == 4401
    # An empty parameter is no ticket: the first message may still tell.
    client = await connect(query="?ticket=")
    await client.say(type="authenticate", token=access)
    assert (await client.hear())["type"] == "ready"


async def test_ticket_is_no_access_token_and_needs_one(world: World) -> None:
    def ask() -> tuple[int, int, dict[str, Any]]:
        http = HttpClient()
        ines = bearer(world.people["ines"])
        answer = http.post("/api/v1/live/tickets/", {}, "application/json", headers=ines)
        as_token = {"authorization": f"Bearer {answer.json()['ticket']}"}
        return (
            http.post("/api/v1/live/tickets/", {}, "application/json").status_code,
            http.get("/api/v1/auth/me/", headers=as_token).status_code,
            answer.json(),
        )

    without, as_token, body = await in_database(ask)()
    assert (without, as_token, body["expires_in"]) == (401, 401, 30)


async def test_used_tickets_are_forgotten_when_none_of_them_could_count(world: World) -> None:
    def work() -> int:
        UsedTicket.objects.create(jti_digest="0" * 64, used_at=clock.now() - timedelta(hours=1))
        UsedTicket.objects.create(jti_digest="1" * 64, used_at=clock.now())
        forget_used_tickets(at=clock.now())
        return UsedTicket.objects.count()

    assert await in_database(work)() == 1


async def test_first_message_must_say_who_it_is(world: World, connect: Connect) -> None:
    client = await connect()
    await client.say(type="subscribe", topic=f"site.{world.sites[0].pk}.vitals")
    assert await client.closed() == 4401


async def test_wrong_token_closes_with_4401_and_a_deactivated_account_with_4403(
    world: World, connect: Connect
) -> None:
    assert await (await connect(token="a.b.c")).closed() == 4401
    token = await in_database(access_token)(world.people["ines"])
    await in_database(users.deactivate_user)(
        user=world.people["ines"], by=world.people["mo"], at=clock.now(), reason="left"
    )
    assert await (await connect(token=token)).closed() == 4403


NO_MESSAGES = (
    "", "{", "[]", "7", '"x"', '{"type": "unheard_of"}', '{"type": "live.updates"}',
    '{"type": "websocket.close"}', '{"type": "ping", "more": 1}', '{"type": "subscribe"}',
    '{"type": "subscribe", "topic": 7}', '{"type": "ping"}' + " " * 20_000,
    '{"type": "authenticate", "token": "x"}', "[" * 100_000, '{"a":' * 3_000,
)  # fmt: skip
NO_SEQUENCES = (-1, 2**63, 2**64, "NaN", "7", 1.5, True)


@pytest.mark.req("W4", "W9")
async def test_W04_W09_what_is_no_message_of_the_protocol_closes_with_4400(
    world: World, connect: Connect
) -> None:
    for text in NO_MESSAGES:
        client = await connect(world.people["ines"])
        await client.send(text)
        assert await client.closed() == 4400, text[:50]


@pytest.mark.req("W8")
async def test_W08_after_that_is_no_sequence_closes(world: World, connect: Connect) -> None:
    for after in NO_SEQUENCES:
        client = await connect(world.people["ines"])
        await client.say(type="subscribe", topic=f"site.{world.sites[0].pk}.vitals", after=after)
        assert await client.closed() == 4400, after


@pytest.mark.req("W4")
async def test_W04_bytes_and_a_flood_close_with_4400(world: World, connect: Connect) -> None:
    client = await connect(world.people["ines"])
    await client.send(b"\x00\x01")
    assert await client.closed() == 4400
    flood = await connect(world.people["ines"])
    for _ in range(300):
        await flood.say(type="ping")
    assert await flood.closed() == 4400


@pytest.mark.req("W7")
async def test_W07_oldest_of_too_many_sockets_of_a_person_makes_room(
    world: World, connect: Connect, settings: Any
) -> None:
    settings.LIVE_SOCKETS_PER_USER = 2
    ines = world.people["ines"]
    oldest = await connect(ines)
    second, third = await connect(ines), await connect(ines)
    assert await oldest.closed() == 4409
    for client in (second, third):
        await client.say(type="ping")
        assert (await client.hear())["type"] == "pong"


@pytest.mark.req("W7")
async def test_W07_address_with_too_many_sockets_gets_no_more(
    world: World, connect: Connect, settings: Any
) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS = 1
    settings.TRUSTED_PROXIES = 1
    clinic = ((b"x-forwarded-for", b"192.0.2.1"),)
    await connect(world.people["ines"], headers=clinic)
    assert await (await connect(headers=clinic)).closed() == 1013
    await connect(world.people["mei"], headers=((b"x-forwarded-for", b"192.0.2.2"),))


def sign_out(session: Session) -> None:
    sessions.sign_out(session=session, by=session.user, at=clock.now())


def deactivate(session: Session) -> None:
    users.deactivate_user(user=session.user, by=session.user, at=clock.now(), reason="left")


def let_expire(session: Session) -> None:
    with acting(by=session.user, at=clock.now(), reason="test"):
        Session.objects.filter(pk=session.pk).update(expires_at=clock.now())


@pytest.mark.req("W6")
async def test_W06_socket_ends_with_its_session(world: World, connect: Connect) -> None:
    for name, end in (("ines", sign_out), ("mei", let_expire), ("mo", deactivate)):
        person = world.people[name]
        client = await connect(person)
        session = await in_database(Session.objects.select_related("user").get)(user=person)
        await in_database(end)(session)
        assert await client.closed() == 4401, name
