"""Ages as rules need them."""

from decimal import Decimal

_PARTS_OF_A_YEAR = {"years": 1, "a": 1, "months": 12, "weeks": 52, "days": 365}


def age_in_years(age: Decimal | None, unit: str) -> Decimal | None:
    """Return an age in years; None where it or its unit is not known."""
    parts = _PARTS_OF_A_YEAR.get(unit.lower())
    return None if age is None or parts is None else age / parts
