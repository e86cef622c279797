"""The staffed world."""

import pytest

from tests.access.world import World
from tests.portal.notices.kit import make_staffed_world


@pytest.fixture
def world(db: None) -> World:
    """Return the staffed world."""
    return make_staffed_world()
