"""The desk's lists of people in trials: to be read here, not to be changed."""

from patients.admin import findings, intake, measurements, people

__all__ = ["findings", "intake", "measurements", "people"]
