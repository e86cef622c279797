"""Sockets to the ASGI application, with the real channel layer and the real relay."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async

from portal.accounts.models import User
from portal.asgi import application
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.live.hub import hub
from portal.live.relay import Relay
from tests.access.world import World, access_token, make_person, make_vital, make_world

PATIENCE = 30.0
in_database = database_sync_to_async


class Client:
    """A client of the socket."""

    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self.communicator = communicator
        self.code: int | None = None

    async def say(self, **message: Any) -> None:
        """Send a message."""
        await self.send(json.dumps(message))

    async def send(self, data: str | bytes) -> None:
        """Send a frame of text or bytes."""
        kind = "text" if isinstance(data, str) else "bytes"
        await self.communicator.send_input({"type": "websocket.receive", kind: data})

    async def hear(self) -> dict[str, Any]:
        """Return the next message of the server. Raises: AssertionError when it closed instead."""
        output = await self.communicator.receive_output(timeout=PATIENCE)
        assert output["type"] == "websocket.send", output
        message: dict[str, Any] = json.loads(output["text"])
        return message

    async def hear_until(self, kind: str) -> dict[str, Any]:
        """Skip everything before a message of that type."""
        while (message := await self.hear())["type"] != kind:
            pass
        return message

    async def closed(self) -> int:
        """Wait for the close and return its code."""
        while True:
            output = await self.communicator.receive_output(timeout=PATIENCE)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def nothing(self) -> bool:
        """Whether the server says nothing for a moment."""
        return bool(await self.communicator.receive_nothing(timeout=0.3, interval=0.05))

    async def subscribe(self, topic: str) -> list[dict[str, Any]]:
        """Subscribe to a vitals topic; return what its snapshot shows."""
        await self.say(type="subscribe", topic=topic)
        assert (await self.hear_until("subscribed"))["topic"] == topic
        data: list[dict[str, Any]] = (await self.hear_until("snapshot"))["data"]
        return data


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open sockets; all are closed afterwards."""
    opened: list[ApplicationCommunicator] = []

    async def open_socket(
        person: User | None = None,
        *,
        query: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        token: str | None = None,
    ) -> Client:
        scope = {
            "type": "websocket",
            "path": "/ws/live/",
            "query_string": query.removeprefix("?").encode(),
            "headers": list(headers),
            "subprotocols": [],
            "client": ["127.0.0.1", 50_000],
        }
        communicator = ApplicationCommunicator(application, scope)
        opened.append(communicator)
        await communicator.send_input({"type": "websocket.connect"})
        answer = await communicator.receive_output(timeout=PATIENCE)
        client = Client(communicator)
        if answer["type"] != "websocket.accept":
            client.code = answer.get("code", 403)
            return client
        if person is not None:
            token = token or await in_database(access_token)(person)
        if token is not None:
            await client.say(type="authenticate", token=token)
        if person is not None:
            assert (await client.hear())["type"] == "ready"
        return client

    yield open_socket
    for communicator in opened:
        await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
        await communicator.wait(timeout=PATIENCE)
    assert not hub().sockets


@pytest.fixture
def world(transactional_db: None) -> World:
    """Two sponsors' trials, with people."""
    world = make_world()
    make_person(world, "ines", "principal_investigator", world.sites[0])
    make_person(world, "mei", "principal_investigator", world.sites[1])
    make_person(world, "mo", "medical_monitor", world.trials[0])
    make_person(world, "ana", "cra", world.sites[0])
    return world


async def store(world: World, patient: int = 0, **changes: Any) -> Any:
    """Store a reading of a patient and return it."""

    def write() -> Any:
        with acting(by=SYSTEM_ACCOUNT, reason="test", source="api"):  # type: ignore[arg-type]
            return make_vital(world.patients[patient], **changes)

    return await in_database(write)()


async def publish(relay: Relay | None = None) -> int:
    """Publish what was stored."""
    return await (relay or Relay()).publish_pending()
