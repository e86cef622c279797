"""Ages of patients as rules need them."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from patients.models import Patient
from patients.rules.ages import age_in_years


def ages_of(patients: Iterable[UUID]) -> dict[UUID, Decimal | None]:
    """Return the ages of patients, at consent, in years."""
    rows = Patient.objects.filter(pk__in=set(patients)).values_list("pk", "age", "age_unit")
    return {key: age_in_years(age, unit) for key, age, unit in rows}
