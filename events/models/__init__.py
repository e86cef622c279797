"""Clinical safety events: adverse events."""

from events.models.adverse_event import (
    AdverseEvent,
    AdverseEventVersion,
    EventPart,
    SeriousnessFact,
    SeverityPeriod,
)
from events.models.assessment import (
    CausalityAssessment,
    EventProduct,
    ExpectednessAssessment,
    RelatedRecord,
)
from events.models.candidate import CandidateAdverseEvent

__all__ = [
    "AdverseEvent",
    "AdverseEventVersion",
    "CandidateAdverseEvent",
    "CausalityAssessment",
    "EventPart",
    "EventProduct",
    "ExpectednessAssessment",
    "RelatedRecord",
    "SeriousnessFact",
    "SeverityPeriod",
]
