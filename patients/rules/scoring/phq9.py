"""PHQ-9: the sum of nine items of 0 to 3, and its severity band.

The paper gives no rule for missing items, so one missing item leaves the total missing.
Source: Kroenke K, Spitzer RL, Williams JBW. The PHQ-9: validity of a brief depression severity
measure. J Gen Intern Med 2001;16:606-613.
"""

from decimal import Decimal

from patients.rules.scoring.base import Algorithm, Outcome, Parts, total
from trials.rules.grade_tables import Grades

# LOINC codes of the nine items, in order; the ninth asks about thoughts of death or self-harm.
ITEM_LOINC = (
    "44250-9",
    "44255-8",
    "44259-0",
    "44254-1",
    "44251-7",
    "44258-2",
    "44252-5",
    "44253-3",
    "44260-8",
)
SUICIDALITY_LOINC = ITEM_LOINC[-1]
BANDS = (
    (20, "severe"),
    (15, "moderately_severe"),
    (10, "moderate"),
    (5, "mild"),
    (0, "minimal"),
)
_ITEM = (Decimal(0), Decimal(1), Decimal(2), Decimal(3))


def band_of(score: Decimal) -> str:
    """Return the severity band of a total of 0 to 27."""
    return next(name for lowest, name in BANDS if score >= lowest)


def _phq9(parts: Parts, _: Grades) -> Outcome:
    numbers = parts[""]
    if any(number is not None and number not in _ITEM for number in numbers):
        return Outcome(None)
    score = total(numbers)
    return Outcome(None) if score is None else Outcome(score, band_of(score))


PHQ9 = Algorithm("phq9", "1.0", "Kroenke, Spitzer, Williams: J Gen Intern Med 2001;16:606", _phq9)
