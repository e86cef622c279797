"""A ward with phones, and the intake served in this process."""

from collections.abc import AsyncIterator, Iterator

import pytest
from django.db import connections
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from patients.intake import app
from tests.http_server import serving
from tests.patients.intake.both_ways import Counted
from tests.patients.intake.gatekeeping import Owner, connect_owner
from tests.patients.intake.phones import Client, Ward, make_ward


@pytest.fixture
def ward(transactional_db: None) -> Iterator[Ward]:
    """Return two sites, their patients with phones, a coordinator and a gateway."""
    yield make_ward()
    connections.close_all()


@pytest.fixture
def owner() -> Iterator[Owner]:
    """Return a connection of the owner's."""
    with connect_owner() as made:
        yield made


@pytest.fixture
async def client(ward: Ward) -> AsyncIterator[Client]:
    """Return a client of the intake that runs on this test's loop."""
    await app.start()
    yield Client()
    await app.stop()


@pytest.fixture
async def ports(client: Client) -> AsyncIterator[tuple[int, int]]:
    """Return the ports of uvicorn's own protocol and of ours."""
    Counted.served = Counted.driven = 0
    async with serving(HttpToolsProtocol) as (_, plain), serving(Counted) as (_, hot):
        yield plain, hot
