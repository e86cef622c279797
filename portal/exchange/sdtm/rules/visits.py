"""Whether a visit fits the plan that it claims: pure predicates.

Source: SDTMIG TV, SV. An unscheduled visit claims no plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_UNSCHEDULED = ("UNSCHED", "UNPLAN")


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """A row of the trial's visit plan. Units: `day` is the planned study day."""

    number: Decimal
    name: str
    day: int | None


def is_unscheduled(name: str) -> bool:
    """Whether a visit says of itself that it is outside the plan."""
    return name.strip().upper().startswith(_UNSCHEDULED)


def misfit_with_plan(
    number: Decimal | None, name: str, day: int | None, plan: Mapping[Decimal, PlannedVisit]
) -> str:
    """Say why a visit does not fit the plan that it claims; "" when it fits or claims none."""
    if number is None or not plan or is_unscheduled(name):
        return ""
    planned = plan.get(number)
    if planned is None:
        return f"the plan has no visit number {number.normalize():f}"
    if name.strip().upper() != planned.name.strip().upper():
        return f"number {number.normalize():f} is {planned.name} in the plan"
    if day is not None and planned.day is not None and day != planned.day:
        return f"the plan puts it on day {planned.day}, not {day}"
    return ""
