"""Every permission of the product: `<record>:<action>`. Guardian's codenames are the same."""

from enum import StrEnum
from fnmatch import fnmatchcase


class Permission(StrEnum):
    """What can be allowed. Roles hold sets of these (portal.access.roles) and nothing else does."""

    # accounts, access and audit
    USER_VIEW = "user:view"
    SESSION_VIEW = "session:view"
    SESSION_END = "session:end"
    AUDIT_ENTRY_VIEW = "audit_entry:view"
    ASSIGNMENT_VIEW = "assignment:view"
    DELEGATION_VIEW = "delegation:view"
    ACCESS_REVIEW_VIEW = "access_review:view"
    ACCESS_REVIEW_RECORD = "access_review:record"
    # set-up
    SPONSOR_VIEW = "sponsor:view"
    SPONSOR_CHANGE = "sponsor:change"
    INSTITUTION_VIEW = "institution:view"
    INSTITUTION_CHANGE = "institution:change"
    TRIAL_VIEW = "trial:view"
    TRIAL_CHANGE = "trial:change"
    SITE_VIEW = "site:view"
    SITE_CHANGE = "site:change"
    USER_CHANGE = "user:change"
    ASSIGNMENT_CHANGE = "assignment:change"
    DELEGATION_CHANGE = "delegation:change"
    OUTBOX_DELIVERY_VIEW = "outbox_delivery:view"
    OUTBOX_DELIVERY_CHANGE = "outbox_delivery:change"
    # how others are told, and who is on duty
    NOTICE_VIEW = "notice:view"
    ESCALATION_VIEW = "escalation:view"
    ESCALATION_STEP_VIEW = "escalation_step:view"
    LADDER_VIEW = "ladder:view"
    LADDER_CHANGE = "ladder:change"
    ROSTER_VIEW = "roster:view"
    ROSTER_CHANGE = "roster:change"
    # long work: everybody sees their own; these are about everybody's
    REPORT_VIEW = "report:view"
    REPORT_CANCEL = "report:cancel"
    TRIAL_IMPORT = "trial:import"
    # clinical
    PATIENT_VIEW = "patient:view"
    CONSENT_VIEW = "consent:view"
    VISIT_VIEW = "visit:view"
    VITAL_SIGN_VIEW = "vital_sign:view"
    VITAL_SIGN_MONITOR = "vital_sign:monitor"
    EPRO_REPORT_VIEW = "epro_report:view"
    QUARANTINED_SUBMISSION_VIEW = "quarantined_submission:view"
    LAB_RESULT_VIEW = "lab_result:view"
    EXPOSURE_VIEW = "exposure:view"
    MEDICATION_VIEW = "medication:view"
    MEDICAL_HISTORY_VIEW = "medical_history:view"
    DEVICE_VIEW = "device:view"
    DATA_FINDING_VIEW = "data_finding:view"
    SOURCE_RECORD_VIEW = "source_record:view"
    ADVERSE_EVENT_VIEW = "adverse_event:view"
    SCORE_VIEW = "score:view"
    ALERT_VIEW = "alert:view"
    RISK_RULE_VIEW = "risk_rule:view"
    # what site staff write: the patient's data
    PATIENT_ENROLL = "patient:enroll"
    PATIENT_CHANGE = "patient:change"
    CONSENT_RECORD = "consent:record"
    VISIT_RECORD = "visit:record"
    VITAL_SIGN_RECORD = "vital_sign:record"
    LAB_RESULT_RECORD = "lab_result:record"
    EXPOSURE_RECORD = "exposure:record"
    MEDICATION_RECORD = "medication:record"
    MEDICAL_HISTORY_RECORD = "medical_history:record"
    DEVICE_ASSIGN = "device:assign"
    ADVERSE_EVENT_REPORT = "adverse_event:report"
    EPRO_REPORT_TRANSCRIBE = "epro_report:transcribe"
    PATIENT_SHARE = "patient:share"
    PATIENT_ENTRUST = "patient:entrust"
    # medical judgments
    PATIENT_JUDGE_ELIGIBILITY = "patient:judge_eligibility"
    ADVERSE_EVENT_ASSESS = "adverse_event:assess"
    LAB_RESULT_ASSESS = "lab_result:assess"
    ALERT_CLOSE = "alert:close"
    # the sponsor's judgments
    ADVERSE_EVENT_ASSESS_FOR_SPONSOR = "adverse_event:assess_for_sponsor"
    # the patient's answers
    EPRO_REPORT_SUBMIT = "epro_report:submit"
    # alerts, and the rules that raise them
    ALERT_ACKNOWLEDGE = "alert:acknowledge"
    EPRO_REPORT_DECIDE_CONSENT = "epro_report:decide_consent"
    EPRO_REPORT_RUN_AGAIN = "epro_report:run_again"
    RISK_RULE_CHANGE = "risk_rule:change"
    RISK_RULE_ACTIVATE = "risk_rule:activate"
    # what is written about the data
    DATA_FINDING_RESOLVE = "data_finding:resolve"
    ADVERSE_EVENT_CODE = "adverse_event:code"
    MEDICATION_CODE = "medication:code"
    MEDICAL_HISTORY_CODE = "medical_history:code"
    # apart: personal data and unblinding facts
    IDENTITY_VIEW = "identity:view"
    IDENTITY_ERASE = "identity:erase"
    ALLOCATION_VIEW = "allocation:view"

    @property
    def resource(self) -> str:
        """The kind of record that it is about."""
        return self.value.partition(":")[0]

    @property
    def is_read(self) -> bool:
        """Whether it lets somebody see and change nothing."""
        return self.value.partition(":")[2] in ("view", "monitor")


def matching(*patterns: str) -> frozenset[Permission]:
    """Return the permissions of `patterns`: exact, or with `*` as in `consent:*` or `*:code`.

    Raises: ValueError for a pattern that matches nothing.
    """
    found = set()
    for pattern in patterns:
        hits = {member for member in Permission if fnmatchcase(member.value, pattern)}
        if not hits:
            raise ValueError(f"no permission is called {pattern!r}")
        found |= hits
    return frozenset(found)


def with_reads(permissions: frozenset[Permission]) -> frozenset[Permission]:
    """Add to each write the reading of the same kind of record: write includes read."""
    return permissions | {Permission(f"{p.resource}:view") for p in permissions if not p.is_read}
