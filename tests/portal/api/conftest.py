"""The world of the API's tests."""

from tests.access.fixtures import undone, world

__all__ = ["undone", "world"]
