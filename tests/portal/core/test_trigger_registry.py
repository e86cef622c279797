"""The index of pgtrigger's registry: it says what pgtrigger itself would."""

from collections.abc import Iterator
from typing import Any

import pgtrigger
import pytest
from pgtrigger import registry

from patients.models import Patient, VitalSign
from portal.core.trigger_registry import IndexedRegistry

KEPT = registry._registry


@pytest.fixture
def spare() -> Iterator[Any]:
    """A trigger of a patient that no migration knows."""
    trigger = pgtrigger.Protect(name="spare", operation=pgtrigger.Delete)
    with trigger.register(Patient):
        yield trigger


def gathered() -> tuple[dict[Any, Any], set[str]]:
    plain = registry._Registry
    return plain.by_db_table.fget(KEPT), plain.pg_function_names.fget(KEPT)


def test_every_trigger_is_in_the_index() -> None:
    assert isinstance(KEPT, IndexedRegistry)
    assert len(KEPT) > 700
    assert (KEPT.by_db_table, KEPT.pg_function_names) == gathered()


def test_what_is_registered_later_is_in_the_index_until_it_is_taken_back(spare: Any) -> None:
    assert KEPT.by_db_table[Patient._meta.db_table, "spare"] is spare
    assert (KEPT.by_db_table, KEPT.pg_function_names) == gathered()
    spare.unregister(Patient)
    assert (Patient._meta.db_table, "spare") not in KEPT.by_db_table
    assert (KEPT.by_db_table, KEPT.pg_function_names) == gathered()
    spare.register(Patient)


def test_name_of_another_trigger_is_refused(spare: Any) -> None:
    other = pgtrigger.Protect(name="spare", operation=pgtrigger.Update)
    with pytest.raises(KeyError, match="already used for model"):
        other.register(Patient)


def test_function_of_another_trigger_is_refused(
    spare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = pgtrigger.Protect(name="another", operation=pgtrigger.Update)
    monkeypatch.setattr(type(other), "get_pgid", lambda self, model: taken)
    taken = next(iter(KEPT.pg_function_names))
    with pytest.raises(KeyError, match="already in use"):
        other.register(VitalSign)
