"""The plain sum of items."""

from patients.rules.scoring.base import Algorithm, Outcome, Parts, total
from trials.rules.grade_tables import Grades


def _sum(parts: Parts, _: Grades) -> Outcome:
    return Outcome(total(parts[""]))


SUM = Algorithm("sum", "1.0", "Sum of the items; missing when one of them is.", _sum)
