import pytest
from pytest_django import Settings

from tests.access.fixtures import undone, world
from tests.patients.services.rotating import Ward

__all__ = ["undone", "world"]


@pytest.fixture
def ward(db: None, settings: Settings) -> Ward:
    return Ward(settings)


@pytest.fixture
def committed_ward(transactional_db: None, settings: Settings) -> Ward:
    return Ward(settings)
