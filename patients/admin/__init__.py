"""The desk's lists of people in trials: to be read here, not to be changed."""

from patients.admin import findings, measurements, people

__all__ = ["findings", "measurements", "people"]
