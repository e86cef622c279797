from tests.access.fixtures import undone, world

__all__ = ["undone", "world"]
