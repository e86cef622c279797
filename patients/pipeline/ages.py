"""Ages as rules need them."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from patients.models import Patient

_PARTS_OF_A_YEAR = {"years": 1, "months": 12, "weeks": 52, "days": 365}


def age_in_years(age: Decimal | None, unit: str) -> Decimal | None:
    """Return an age in years; None where it or its unit is not known."""
    parts = _PARTS_OF_A_YEAR.get(unit.lower())
    return None if age is None or parts is None else age / parts


def ages_of(patients: Iterable[UUID]) -> dict[UUID, Decimal | None]:
    """Return the ages of patients, at consent, in years."""
    rows = Patient.objects.filter(pk__in=set(patients)).values_list("pk", "age", "age_unit")
    return {key: age_in_years(age, unit) for key, age, unit in rows}
