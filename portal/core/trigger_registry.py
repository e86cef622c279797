"""pgtrigger's registry, with its names at hand.

For each trigger that is registered, pgtrigger goes through all that are. We have a thousand of
them: half of the time that each of our processes took to start. What is refused stays the same.
"""

from typing import Any

from pgtrigger import registry


class IndexedRegistry(registry._Registry):
    """Keeps what pgtrigger would gather anew at every question."""

    _by_db_table: dict[tuple[str, str], Any] | None = None
    _pg_function_names: set[str] | None = None

    @property
    def by_db_table(self) -> dict[tuple[str, str], Any]:
        """The triggers by their table and name."""
        if self._by_db_table is None:
            self._by_db_table = super().by_db_table
        return self._by_db_table

    @property
    def pg_function_names(self) -> set[str]:
        """The names of their functions in PostgreSQL."""
        if self._pg_function_names is None:
            self._pg_function_names = super().pg_function_names
        return self._pg_function_names

    def __setitem__(self, key: str, value: tuple[Any, Any]) -> None:
        by_db_table, pg_function_names = self.by_db_table, self.pg_function_names
        super().__setitem__(key, value)
        model, trigger = value
        by_db_table[model._meta.db_table, trigger.name] = trigger
        pg_function_names.add(trigger.get_pgid(model))

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._by_db_table = self._pg_function_names = None


def index() -> None:
    """Have the one registry of the process keep its names, those of before included."""
    registry._registry.__class__ = IndexedRegistry
