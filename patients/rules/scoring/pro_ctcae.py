"""PRO-CTCAE composite grade (0 to 3) of one symptom from frequency, severity and interference.

The first attribute that a symptom has (frequency, else severity, else interference) leads: at 0
the others are not asked and the grade is 0. Otherwise every attribute of the symptom is needed.
Source: Basch E, Becker C, Rogak LJ, et al. Composite grading algorithm for the National Cancer
Institute's Patient-Reported Outcomes version of the Common Terminology Criteria for Adverse Events
(PRO-CTCAE). Clin Trials 2021;18:104-114.
"""

from collections.abc import Mapping
from decimal import Decimal

from patients.rules.scoring.base import Algorithm, Outcome, Parts

ATTRIBUTES = ("frequency", "severity", "interference")
_LEVELS = tuple(Decimal(level) for level in range(5))

# For each set of attributes the grades with the leading attribute at 1, 2, 3, 4. A word of five
# digits is read by the second attribute (0 to 4); of five words the second chooses the word.
GRADES: Mapping[tuple[str, ...], tuple[str, ...]] = {}


def _composite(parts: Parts) -> Outcome:
    attributes = tuple(name for name in ATTRIBUTES if name in parts)
    levels = [parts[name][0] for name in attributes]
    if any(level is not None and level not in _LEVELS for level in levels):
        return Outcome(None)
    if levels[0] == 0:
        return Outcome(Decimal(0))
    known = [int(level) for level in levels if level is not None]
    if len(known) < len(levels):
        return Outcome(None)
    grades = GRADES[attributes][known[0] - 1].replace(" ", "")
    place = 0
    for level in known[1:]:
        place = place * 5 + level
    return Outcome(Decimal(grades[place]))


PRO_CTCAE_COMPOSITE = Algorithm(
    "pro_ctcae_composite", "1.0", "Basch et al.: Clin Trials 2021;18:104", _composite
)
