"""What the protocol says, where it runs, and who works on it."""

from trials.models.access import SiteUserPermission, TrialUserPermission
from trials.models.assignment import Assignment, Delegation
from trials.models.duty import Ladder, LadderRung, RosterShift
from trials.models.instrument import Instrument, InstrumentSchedule
from trials.models.product import Product, ReferenceSafetyInformation
from trials.models.protocol_version import (
    Arm,
    ArmElement,
    Criterion,
    Element,
    Epoch,
    PlanPart,
    ProtocolVersion,
    VisitPlan,
)
from trials.models.review import AccessReview
from trials.models.site import (
    ApprovalRequirement,
    PrincipalInvestigator,
    Site,
    SiteApproval,
    SitePart,
)
from trials.models.sponsor import Institution, Sponsor
from trials.models.trial import (
    DictionaryRelease,
    Trial,
    TrialIdentifier,
    TrialParameter,
    TrialPart,
)

__all__ = [
    "AccessReview",
    "ApprovalRequirement",
    "Arm",
    "ArmElement",
    "Assignment",
    "Criterion",
    "Delegation",
    "DictionaryRelease",
    "Element",
    "Epoch",
    "Institution",
    "Instrument",
    "InstrumentSchedule",
    "Ladder",
    "LadderRung",
    "PlanPart",
    "PrincipalInvestigator",
    "Product",
    "ProtocolVersion",
    "ReferenceSafetyInformation",
    "RosterShift",
    "Site",
    "SiteApproval",
    "SitePart",
    "SiteUserPermission",
    "Sponsor",
    "Trial",
    "TrialIdentifier",
    "TrialParameter",
    "TrialPart",
    "TrialUserPermission",
    "VisitPlan",
]
