"""Fixtures of the desk's tests."""

import pytest

from tests.portal.desk import world as worlds


@pytest.fixture
def world(db: None) -> worlds.World:
    """Return two trials with their people."""
    return worlds.build()
