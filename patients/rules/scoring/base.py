"""What a scoring algorithm is given and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trials.rules.grade_tables import Grades

# part -> numbers of its items in their order; None where an item has no number.
Parts = Mapping[str, tuple[Decimal | None, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A score, or None when what is known does not decide it; `band` names its range."""

    value: Decimal | None
    band: str = ""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A published way to a score; the grades are the definition's, where a score has any."""

    name: str
    version: str
    source: str
    compute: Callable[[Parts, Grades], Outcome]


def total(numbers: tuple[Decimal | None, ...]) -> Decimal | None:
    """Return the sum; None when one number is missing: nothing is imputed."""
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if len(known) == len(numbers) else None
