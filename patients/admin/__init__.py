"""The desk's lists of people in trials: to be read here, not to be changed."""

from patients.admin import alerts, findings, intake, measurements, observation_sets, people

__all__ = ["alerts", "findings", "intake", "measurements", "observation_sets", "people"]
