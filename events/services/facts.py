"""What a version of an adverse event states, and how it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.vocabulary import Seriousness
from portal.core.partial_dates import PartialDateTime

FACTS = (
    "term",
    "onset",
    "resolved",
    "outcome",
    "severity_scale",
    "severity",
    "severity_grade",
    *Seriousness.values,
    "serious_as_reported",
    "causality",
)


@dataclass(frozen=True, slots=True)
class CriterionMet:
    """When a criterion was met, and when that became known."""

    criterion: str
    met_on: PartialDateTime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody states of an event: facts by name (FACTS), and details of the criteria."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    met: Sequence[CriterionMet] = ()
    is_related: bool | None = None


def kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as a version keeps them, in JSON."""
    return {
        name: value.stored if isinstance(value, PartialDateTime) else value
        for name, value in facts.items()
    }
