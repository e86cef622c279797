"""How fast the pipeline works off what intake stored."""

import argparse

from contestants import Stage
from report import Goals


def measure(stage: Stage, given: argparse.Namespace, goals: Goals) -> None:
    """Not yet."""
