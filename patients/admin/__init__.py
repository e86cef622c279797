"""The desk's lists of people in trials, and the forms of what is set up around them."""

from patients.admin import (
    alerts,
    findings,
    intake,
    measurements,
    monitoring,
    observation_sets,
    people,
    risk_rules,
    rule_versions,
)

__all__ = [
    "alerts",
    "findings",
    "intake",
    "measurements",
    "monitoring",
    "observation_sets",
    "people",
    "risk_rules",
    "rule_versions",
]
