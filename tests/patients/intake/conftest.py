"""A ward with phones, and the intake served in this process."""

from collections.abc import AsyncIterator, Iterator

import pytest
from django.db import connections

from patients.intake import app
from tests.patients.intake.phones import Client, Ward, make_ward


@pytest.fixture
def ward(transactional_db: None) -> Iterator[Ward]:
    """Return two sites, their patients with phones, a coordinator and a gateway."""
    yield make_ward()
    connections.close_all()


@pytest.fixture
async def client(ward: Ward) -> AsyncIterator[Client]:
    """Return a client of the intake that runs on this test's loop."""
    await app.start()
    yield Client()
    await app.stop()
