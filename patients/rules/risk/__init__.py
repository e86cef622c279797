"""Risk rules: their parameters, and the decision which values fire them (domain.md 8).

A rule walks over one patient's values in the order in which they were observed. What it decides is
a function of that series alone, so the same values in any order of arrival give the same breaches.
"""

from patients.rules.risk.parameters import (
    PARAMETERS,
    Answer,
    Change,
    DuplicateDevice,
    Jump,
    MissingDiaries,
    News2Band,
    NotParameters,
    Parameters,
    Threshold,
    decode,
    is_of_age,
    keys_of,
)
from patients.rules.risk.walk import Breach, Memory, Seen, is_met, needs_history, step, walk

__all__ = [
    "PARAMETERS",
    "Answer",
    "Breach",
    "Change",
    "DuplicateDevice",
    "Jump",
    "Memory",
    "MissingDiaries",
    "News2Band",
    "NotParameters",
    "Parameters",
    "Seen",
    "Threshold",
    "decode",
    "is_met",
    "is_of_age",
    "keys_of",
    "needs_history",
    "step",
    "walk",
]
