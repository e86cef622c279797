"""Roles: the one place where a role meets permissions (ICH E6(R3) 4.3.8).

A role may include others and name permissions by pattern; every write brings the reading along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.access.permissions import matching, with_reads


class Level(StrEnum):
    """What an assignment of the role names."""

    PORTAL = "portal"
    SPONSOR = "sponsor"
    TRIAL = "trial"
    SITE = "site"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its code, the levels at which it can be assigned, and what it may.

    `needs_delegation`: it writes only what the site's principal investigator has delegated.
    """

    code: str
    name: Promise | str
    levels: frozenset[Level]
    permissions: frozenset[P]
    opens_admin: bool = True
    is_site_staff: bool = False
    needs_delegation: bool = False

    @property
    def is_unblinded(self) -> bool:
        """Whether it may see allocation."""
        return P.ALLOCATION_VIEW in self.permissions


SET_UP_READ = matching("sponsor:view", "institution:view", "trial:view", "site:view")
SET_UP_WRITE = matching("institution:change", "trial:change", "site:change")
ACCESS_READ = matching("assignment:view", "delegation:view")
SAFETY_READ = matching("patient:view", "visit:view", "adverse_event:view", "exposure:view")
CLINICAL_READ = SAFETY_READ | matching(
    "consent:view",
    "vital_sign:view",
    "epro_report:view",
    "score:view",
    "lab_result:view",
    "medication:view",
    "medical_history:view",
    "device:view",
    "data_finding:view",
    "source_record:view",
)
DUTY_READ = frozenset({P.LADDER_VIEW, P.ROSTER_VIEW})
REVIEW = (
    SET_UP_READ | CLINICAL_READ | ACCESS_READ | DUTY_READ | {P.AUDIT_ENTRY_VIEW, P.RISK_RULE_VIEW}
)
# How soon others say that they have it; a notice names a subject, never a value.
NOTICES_READ = matching("notice:view", "escalation:view", "escalation_step:view")
SITE_READ = REVIEW | {P.VITAL_SIGN_MONITOR, P.IDENTITY_VIEW, P.QUARANTINED_SUBMISSION_VIEW}
# Medical alerts carry vital values: no monitor, data manager or sponsor role holds these.
ALERTS = frozenset({P.ALERT_VIEW, P.ALERT_ACKNOWLEDGE, P.EPRO_REPORT_RUN_AGAIN})
SITE_WRITE = (
    matching(
        "*:record", "patient:enroll", "patient:change", "device:assign", "adverse_event:report"
    )
    - {P.ACCESS_REVIEW_RECORD}
    | {P.EPRO_REPORT_TRANSCRIBE, P.DATA_FINDING_RESOLVE}
    | ALERTS
)
MEDICAL_JUDGMENT = matching(
    "patient:judge_eligibility",
    "adverse_event:assess",
    "lab_result:assess",
    "alert:close",
    "epro_report:decide_consent",
)
SPONSOR_JUDGMENT = frozenset({P.ADVERSE_EVENT_ASSESS_FOR_SPONSOR})
OWN = frozenset(
    {P.PATIENT_VIEW, P.VITAL_SIGN_VIEW, P.EPRO_REPORT_VIEW, P.CONSENT_VIEW, P.VISIT_VIEW}
)

_STUDY = frozenset({Level.SPONSOR, Level.TRIAL})
_MONITORED = frozenset({Level.SPONSOR, Level.TRIAL, Level.SITE})
_SITE = frozenset({Level.SITE})
_EVERYWHERE = frozenset({Level.PORTAL, Level.SPONSOR, Level.TRIAL, Level.SITE})


def _role(
    code: str,
    name: Promise | str,
    levels: frozenset[Level],
    permissions: frozenset[P] = frozenset(),
    *,
    includes: tuple[Role, ...] = (),
    **more: bool,
) -> Role:
    """Make a role that may all that those it includes may, and `permissions` with their reads."""
    included = frozenset[P]().union(*(role.permissions for role in includes))
    return Role(code, name, levels, with_reads(included | permissions), **more)


_CRA = _role("cra", _("Clinical research associate (monitor)"), _MONITORED, REVIEW)
_COORDINATOR = _role(
    "study_coordinator",
    _("Study coordinator"),
    _SITE,
    SITE_READ | SITE_WRITE,
    is_site_staff=True,
    needs_delegation=True,
)
_DOCTOR = _role(
    "doctor",
    _("Doctor (sub-investigator)"),
    _SITE,
    MEDICAL_JUDGMENT,
    includes=(_COORDINATOR,),
    is_site_staff=True,
    needs_delegation=True,
)
_BOARD = SET_UP_READ | CLINICAL_READ | {P.ALLOCATION_VIEW}
_ROLES = (
    _role(
        "system_admin",
        _("System administrator"),
        frozenset({Level.PORTAL}),
        SET_UP_READ
        | SET_UP_WRITE
        | ACCESS_READ
        | {P.USER_CHANGE, P.SESSION_END, P.ASSIGNMENT_CHANGE, P.SPONSOR_CHANGE}
        | {P.ACCESS_REVIEW_RECORD, P.OUTBOX_DELIVERY_CHANGE}
        | {P.REPORT_CANCEL, P.TRIAL_IMPORT},
    ),
    _role(
        "sponsor_admin",
        _("Sponsor administrator"),
        frozenset({Level.SPONSOR}),
        SET_UP_READ
        | SET_UP_WRITE
        | ACCESS_READ
        | {P.ASSIGNMENT_CHANGE, P.AUDIT_ENTRY_VIEW, P.DATA_FINDING_VIEW, P.ACCESS_REVIEW_RECORD},
    ),
    _role(
        "trial_manager",
        _("Trial manager"),
        frozenset({Level.PORTAL, Level.SPONSOR, Level.TRIAL}),
        REVIEW
        | NOTICES_READ
        | {P.SITE_CHANGE, P.ACCESS_REVIEW_RECORD, P.RISK_RULE_CHANGE}
        | {P.LADDER_CHANGE, P.ROSTER_CHANGE},
    ),
    _role(
        "principal_investigator",
        _("Principal investigator"),
        _SITE,
        NOTICES_READ
        | {P.DELEGATION_CHANGE, P.PATIENT_SHARE, P.ROSTER_CHANGE}
        | {P.IDENTITY_ERASE, P.PATIENT_ENTRUST},
        includes=(_DOCTOR,),
        is_site_staff=True,
    ),
    _DOCTOR,
    _COORDINATOR,
    _CRA,
    _role("data_manager", _("Data manager"), _STUDY, REVIEW | {P.DATA_FINDING_RESOLVE}),
    _role("safety_officer", _("Safety officer"), _STUDY, REVIEW | NOTICES_READ | SPONSOR_JUDGMENT),
    _role(
        "medical_monitor",
        _("Medical monitor"),
        _STUDY,
        REVIEW
        | NOTICES_READ
        | SPONSOR_JUDGMENT
        | {P.LADDER_CHANGE}
        | {P.VITAL_SIGN_MONITOR, P.ALERT_VIEW, P.ALERT_ACKNOWLEDGE}
        | {P.RISK_RULE_CHANGE, P.RISK_RULE_ACTIVATE},
    ),
    _role("medical_coder", _("Medical coder"), _STUDY, SET_UP_READ | matching("*:code")),
    _role(
        "unblinded_pharmacist",
        _("Unblinded pharmacist"),
        _SITE,
        SET_UP_READ | {P.PATIENT_VIEW, P.VISIT_VIEW, P.EXPOSURE_VIEW, P.ALLOCATION_VIEW},
        is_site_staff=True,
        needs_delegation=True,
    ),
    _role("unblinded_statistician", _("Unblinded statistician"), _STUDY, _BOARD),
    _role(
        "unblinded_monitor",
        _("Unblinded monitor"),
        _MONITORED,
        frozenset({P.ALLOCATION_VIEW}),
        includes=(_CRA,),
    ),
    _role(
        "unblinded_safety_officer",
        _("Unblinded safety officer"),
        _STUDY,
        REVIEW | {P.ALLOCATION_VIEW},
    ),
    _role("dsmb_member", _("Data and safety monitoring board member"), _STUDY, _BOARD),
    _role(
        "laboratory",
        _("Laboratory"),
        _MONITORED,
        SET_UP_READ | {P.PATIENT_VIEW, P.VISIT_VIEW, P.LAB_RESULT_RECORD},
    ),
    _role(
        "inspector",
        _("Inspector"),
        _EVERYWHERE,
        REVIEW | NOTICES_READ | {P.ACCESS_REVIEW_VIEW, P.ALERT_VIEW},
    ),
    _role(
        "patient",
        _("Patient"),
        frozenset({Level.PATIENT}),
        OWN | {P.EPRO_REPORT_SUBMIT},
        opens_admin=False,
    ),
    _role(
        "caregiver",
        _("Caregiver"),
        frozenset({Level.PATIENT}),
        OWN | {P.EPRO_REPORT_SUBMIT},
        opens_admin=False,
    ),
    # A phone's token opens the intake alone, which checks session and patient itself.
    _role("device", _("Device"), frozenset({Level.PATIENT}), opens_admin=False),
)
ROLES: Mapping[str, Role] = MappingProxyType({role.code: role for role in _ROLES})
