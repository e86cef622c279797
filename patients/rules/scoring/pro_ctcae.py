"""PRO-CTCAE composite grade (0 to 3) of one symptom from frequency, severity and interference.

The first attribute that a symptom has (frequency, else severity, else interference) leads: at 0
the others are not asked and the grade is 0. Otherwise every attribute of the symptom is needed,
and the instrument's own grade table gives the grade of their levels.
Source: Basch E, Becker C, Rogak LJ, et al. Composite grading algorithm for the National Cancer
Institute's Patient-Reported Outcomes version of the Common Terminology Criteria for Adverse Events
(PRO-CTCAE). Clin Trials 2021;18:104-114.
"""

from decimal import Decimal

from patients.rules.scoring.base import Algorithm, Outcome, Parts
from trials.rules.grade_tables import ATTRIBUTES, LEVELS, Grades


def _composite(parts: Parts, grades: Grades) -> Outcome:
    levels = [parts[name][0] for name in ATTRIBUTES if name in parts]
    if any(level is not None and level not in LEVELS for level in levels):
        return Outcome(None)
    if levels[0] == 0:
        return Outcome(Decimal(0))
    known = tuple(int(level) for level in levels if level is not None)
    return Outcome(Decimal(grades[known]) if len(known) == len(levels) else None)


PRO_CTCAE_COMPOSITE = Algorithm(
    "pro_ctcae_composite", "2.0", "Basch et al.: Clin Trials 2021;18:104", _composite
)
