"""Scores of instruments: named, versioned algorithms over numbers and the definition's grades.

The same inputs give the same score years later: a change of an algorithm is a new version, and
what was scored keeps the name and version that it was scored with (NW-06, PRO-08).
"""

from collections.abc import Mapping

from patients.rules.scoring.base import Algorithm
from patients.rules.scoring.phq9 import PHQ9
from patients.rules.scoring.pro_ctcae import PRO_CTCAE_COMPOSITE
from patients.rules.scoring.sums import SUM

ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm for algorithm in (SUM, PHQ9, PRO_CTCAE_COMPOSITE)
}

__all__ = ["ALGORITHMS", "Algorithm"]
