"""Who may do what: written out by hand, apart from portal.access.roles, and compared with it.

Every role stands in `may` or in `may_not` of every row; a new role or a new endpoint fails until
somebody has written down what is meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INVESTIGATOR = frozenset({"principal_investigator"})
SYSTEM_ADMIN = frozenset({"system_admin"})
ADMINS = frozenset({"system_admin", "sponsor_admin"})
REVIEWERS = frozenset(
    {
        "trial_manager",
        "cra",
        "data_manager",
        "safety_officer",
        "medical_monitor",
        "unblinded_monitor",
        "unblinded_safety_officer",
        "inspector",
    }
)
SITE_STAFF = frozenset({"principal_investigator", "doctor", "study_coordinator"})
INVESTIGATORS = frozenset({"principal_investigator", "doctor"})
# They write what is delegated to them; in the world of the matrix nothing is.
NEED_DELEGATION = frozenset({"doctor", "study_coordinator"})
BOARD = frozenset({"unblinded_statistician", "dsmb_member"})
CODER = frozenset({"medical_coder"})
PHARMACIST = frozenset({"unblinded_pharmacist"})
LABORATORY = frozenset({"laboratory"})
# Who cares for a patient sees and does what the patient does.
PATIENT = frozenset({"patient", "caregiver"})
NOTHING_YET = frozenset({"device"})

STAFF = ADMINS | REVIEWERS | SITE_STAFF | BOARD | CODER | PHARMACIST | LABORATORY
CLINICAL = REVIEWERS | SITE_STAFF | BOARD
READS_PROTECTED_FINDINGS = BOARD | {"unblinded_monitor", "unblinded_safety_officer"}


@dataclass(frozen=True)
class Row:
    """One endpoint and method: who may, who may not, and which records it is about.

    `of` names the list of the world that the endpoint reads; `below` the one whose id stands in the
    address, and `sees` who sees that record above: to them a refusal is 403, to others 404.
    `by_trial` says that the list has that filter; `is_clinical_write` that
    the right is asked before the body is read; `is_absent` that the world has no such record below
    the one in the address, so that whoever may is told so.
    """

    may: frozenset[str]
    may_not: frozenset[str]
    of: str = ""
    below: str = ""
    sees: frozenset[str] = frozenset()
    by_trial: bool = False
    is_clinical_write: bool = False
    is_absent: bool = False


def _row(may: frozenset[str], **more: Any) -> Row:
    return Row(may=may, may_not=(STAFF | PATIENT | NOTHING_YET) - may, **more)


EVERYBODY = STAFF | PATIENT | NOTHING_YET
READS_PATIENTS = CLINICAL | PHARMACIST | LABORATORY | PATIENT
READS_VITALS = CLINICAL | PATIENT
READS_EVENTS = CLINICAL | CODER
READS_HISTORY = REVIEWERS | SITE_STAFF
READS_TRAIL = READS_HISTORY | {"sponsor_admin"}
READS_ALERTS = SITE_STAFF | {"medical_monitor", "inspector"}
READS_NOTICES = frozenset(
    {
        "principal_investigator",
        "trial_manager",
        "safety_officer",
        "medical_monitor",
        "inspector",
    }
)
READS_FINDINGS = CLINICAL | {"sponsor_admin"}
WRITES_RULES = frozenset({"trial_manager", "medical_monitor"})
CONFIRMS_RULES = frozenset({"medical_monitor"})


def _of_a_rule(may: frozenset[str]) -> Row:
    return _row(may, below="rule_versions", sees=READS_HISTORY, is_clinical_write=True)


ROWS: Mapping[tuple[str, str], Row] = {
    ("auth-token", "POST"): _row(EVERYBODY),
    ("auth-token-refresh", "POST"): _row(EVERYBODY),
    ("auth-logout", "POST"): _row(EVERYBODY),
    ("auth-me", "GET"): _row(EVERYBODY),
    ("own-sessions", "GET"): _row(EVERYBODY),
    ("own-sessions-end-all", "POST"): _row(EVERYBODY),
    ("own-session-end", "POST"): _row(EVERYBODY, below="entries"),
    ("sessions", "GET"): _row(SYSTEM_ADMIN),
    ("sessions-end-all", "POST"): _row(SYSTEM_ADMIN),
    ("session-end", "POST"): _row(SYSTEM_ADMIN, below="entries"),
    ("live-tickets", "POST"): _row(EVERYBODY),
    ("schema", "GET"): _row(EVERYBODY),
    ("docs", "GET"): _row(EVERYBODY),
    ("trials", "GET"): _row(STAFF, of="trials"),
    ("trial", "GET"): _row(STAFF, of="trials", below="trials"),
    ("trial-sites", "GET"): _row(STAFF, of="sites", below="trials", sees=STAFF),
    ("trial-arms", "GET"): _row(STAFF, of="arms", below="trials", sees=STAFF),
    ("trial-visits", "GET"): _row(STAFF, of="plans", below="trials", sees=STAFF),
    ("sites", "GET"): _row(STAFF, of="sites", by_trial=True),
    ("site", "GET"): _row(STAFF, of="sites", below="sites"),
    ("patients", "GET"): _row(READS_PATIENTS, of="patients", by_trial=True),
    ("patient", "GET"): _row(READS_PATIENTS, of="patients", below="patients"),
    ("patient-vitals", "GET"): _row(
        READS_VITALS, of="vitals", below="patients", sees=READS_PATIENTS
    ),
    ("patient-vitals-series", "GET"): _row(READS_VITALS, below="patients", sees=READS_PATIENTS),
    ("patient-epro-reports", "GET"): _row(READS_VITALS, below="patients", sees=READS_PATIENTS),
    # The world has no report: whoever asks is told that there is none.
    ("epro-report-run-again", "POST"): _row(SITE_STAFF, below="entries"),
    ("quarantined-submissions", "GET"): _row(SITE_STAFF),
    ("intake-reports", "POST"): _row(EVERYBODY),
    # By the id of an upload: under a patient's there is never one, for nobody.
    ("intake-report", "GET"): _row(frozenset(), below="patients"),
    ("intake-vitals", "POST"): _row(EVERYBODY),
    ("intake-vitals-upload", "GET"): _row(frozenset(), below="patients"),
    ("intake-batch", "POST"): _row(EVERYBODY),
    ("patient-timeline", "GET"): _row(READS_PATIENTS, below="patients", sees=READS_PATIENTS),
    ("vitals", "GET"): _row(READS_VITALS, of="vitals", by_trial=True),
    ("patient-scores", "GET"): _row(CLINICAL, below="patients", sees=READS_PATIENTS),
    ("patient-observation-sets", "GET"): _row(CLINICAL, below="patients", sees=READS_PATIENTS),
    ("patient-observation-sets", "POST"): _row(SITE_STAFF, below="patients", sees=READS_PATIENTS),
    ("patient-observation-set-candidate", "GET"): _row(
        SITE_STAFF | {"medical_monitor"}, below="patients", sees=READS_PATIENTS
    ),
    ("alerts", "GET"): _row(READS_ALERTS, of="alerts", by_trial=True),
    ("alert", "GET"): _row(READS_ALERTS, of="alerts", below="alerts"),
    ("alert-acknowledge", "POST"): _row(READS_ALERTS - {"inspector"}, below="alerts"),
    ("alert-close", "POST"): _row(frozenset({"principal_investigator", "doctor"}), below="alerts"),
    ("risk-rules", "GET"): _row(READS_HISTORY, of="risk_rules", by_trial=True),
    ("risk-rules", "POST"): _row(WRITES_RULES, is_clinical_write=True),
    ("risk-rule", "GET"): _row(READS_HISTORY, of="risk_rules", below="risk_rules"),
    ("risk-rule-sites", "GET"): _row(READS_HISTORY, below="risk_rules"),
    ("risk-rule-versions", "GET"): _row(READS_HISTORY, of="rule_versions", by_trial=True),
    ("risk-rule-versions", "POST"): _row(WRITES_RULES, is_clinical_write=True),
    ("risk-rule-version", "GET"): _row(READS_HISTORY, of="rule_versions", below="rule_versions"),
    ("risk-rule-version", "PATCH"): _of_a_rule(WRITES_RULES),
    ("risk-rule-version-dry-run", "POST"): _of_a_rule(WRITES_RULES),
    ("risk-rule-version-activate", "POST"): _of_a_rule(CONFIRMS_RULES),
    ("risk-rule-version-retire", "POST"): _of_a_rule(CONFIRMS_RULES),
    ("monitoring-plans", "GET"): _row(READS_HISTORY, of="monitoring_plans"),
    ("monitoring-plans", "POST"): _row(WRITES_RULES, is_clinical_write=True),
    ("monitoring-plan", "GET"): _row(
        READS_HISTORY, of="monitoring_plans", below="monitoring_plans"
    ),
    ("monitoring-plan", "PATCH"): _row(
        WRITES_RULES, below="monitoring_plans", sees=READS_HISTORY, is_clinical_write=True
    ),
    ("patient-clinical-flags", "GET"): _row(
        READS_PATIENTS, of="flags", below="patients", sees=READS_PATIENTS
    ),
    ("patient-clinical-flags", "POST"): _row(
        INVESTIGATORS, below="patients", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("clinical-flag-end", "POST"): _row(
        INVESTIGATORS, below="flags", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("patient-time-zones", "GET"): _row(READS_PATIENTS, below="patients", sees=READS_PATIENTS),
    ("patient-time-zones", "POST"): _row(
        SITE_STAFF, below="patients", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("wall-tiles", "GET"): _row(SITE_STAFF | {"medical_monitor"}, of="patients"),
    ("wall-data-flow", "GET"): _row(READS_FINDINGS, of="patients"),
    ("findings", "GET"): _row(READS_FINDINGS, of="findings", by_trial=True),
    ("adverse-events", "GET"): _row(READS_EVENTS, of="adverse_events", by_trial=True),
    ("adverse-event", "GET"): _row(READS_EVENTS, of="adverse_events", below="adverse_events"),
    ("adverse-events", "POST"): _row(SITE_STAFF, is_clinical_write=True),
    ("adverse-event-follow-ups", "POST"): _row(
        SITE_STAFF, below="adverse_events", sees=READS_EVENTS, is_clinical_write=True
    ),
    ("adverse-event-confirm", "POST"): _row(
        INVESTIGATORS, below="adverse_events", sees=READS_EVENTS, is_clinical_write=True
    ),
    ("vitals", "POST"): _row(SITE_STAFF, is_clinical_write=True),
    ("vital", "GET"): _row(READS_VITALS, of="vitals", below="vitals"),
    ("vital", "PATCH"): _row(SITE_STAFF, below="vitals", sees=READS_VITALS, is_clinical_write=True),
    ("adverse-event-history", "GET"): _row(
        READS_HISTORY, below="adverse_events", sees=READS_EVENTS
    ),
    ("trial-ladders", "GET"): _row(READS_HISTORY, below="trials", sees=STAFF),
    ("site-roster", "GET"): _row(READS_HISTORY, below="sites", sees=STAFF),
    ("trial-history", "GET"): _row(READS_TRAIL, below="trials", sees=STAFF),
    ("site-history", "GET"): _row(READS_TRAIL, below="sites", sees=STAFF),
    ("patient-history", "GET"): _row(READS_HISTORY, below="patients", sees=READS_PATIENTS),
    ("vital-history", "GET"): _row(READS_HISTORY, below="vitals", sees=READS_VITALS),
    ("finding-history", "GET"): _row(READS_TRAIL, below="findings", sees=READS_FINDINGS),
    ("patient-identity", "GET"): _row(SITE_STAFF, below="patients", sees=READS_PATIENTS),
    ("patient-identity", "POST"): _row(
        SITE_STAFF, below="patients", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("patient-identity", "PATCH"): _row(
        SITE_STAFF, below="patients", sees=READS_PATIENTS, is_clinical_write=True, is_absent=True
    ),
    ("patient-identity-erase", "POST"): _row(
        INVESTIGATOR, below="patients", sees=READS_PATIENTS, is_clinical_write=True, is_absent=True
    ),
    ("patient-caregivers", "GET"): _row(READS_HISTORY, below="patients", sees=READS_PATIENTS),
    ("patient-caregivers", "POST"): _row(
        INVESTIGATOR, below="patients", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("caregiver-end", "POST"): _row(INVESTIGATOR, below="entries"),
    ("patient-shares", "GET"): _row(READS_HISTORY, below="patients", sees=READS_PATIENTS),
    ("patient-shares", "POST"): _row(
        INVESTIGATOR, below="patients", sees=READS_PATIENTS, is_clinical_write=True
    ),
    ("share-end", "POST"): _row(INVESTIGATOR, below="entries"),
    ("delegations", "GET"): _row(READS_HISTORY | ADMINS),
    ("delegations", "POST"): _row(INVESTIGATOR, is_clinical_write=True),
    ("delegation-accept", "POST"): _row(EVERYBODY, below="entries"),
    ("delegation-end", "POST"): _row(INVESTIGATOR, below="entries"),
    ("access-reviews", "GET"): _row(ADMINS | {"trial_manager", "inspector"}),
    ("access-reviews", "POST"): _row(ADMINS | {"trial_manager"}, is_clinical_write=True),
    ("access-report", "GET"): _row(READS_HISTORY | ADMINS),
    ("notifications", "GET"): _row(EVERYBODY),
    # One's own alone: under another record's id there is never one, for nobody.
    ("notification", "GET"): _row(frozenset(), below="entries"),
    ("notification-acknowledge", "POST"): _row(EVERYBODY, below="entries"),
    ("notifications-acknowledge", "POST"): _row(EVERYBODY),
    ("notifications-seen", "POST"): _row(EVERYBODY),
    ("notifications-statistics", "GET"): _row(READS_NOTICES),
    ("notification-preferences", "GET"): _row(EVERYBODY),
    ("notification-preferences", "PUT"): _row(EVERYBODY),
    ("absences", "GET"): _row(EVERYBODY),
    ("absences", "POST"): _row(EVERYBODY),
    ("absence-end", "POST"): _row(EVERYBODY, below="entries"),
    ("audit-entries", "GET"): _row(READS_TRAIL),
    ("audit-entry", "GET"): _row(READS_TRAIL, below="entries"),
    ("audit-trail", "GET"): _row(READS_TRAIL),
    # Everybody's own reports; each kind has its own permission.
    ("reports", "GET"): _row(EVERYBODY),
    ("reports", "POST"): _row(EVERYBODY),
    ("report-uploads", "POST"): _row(SYSTEM_ADMIN),
    ("push-subscriptions", "GET"): _row(EVERYBODY),
    ("push-subscriptions", "POST"): _row(EVERYBODY),
    ("push-subscriptions-renew", "POST"): _row(EVERYBODY),
    ("push-subscription", "DELETE"): _row(EVERYBODY, below="entries"),
    ("push-key", "GET"): _row(EVERYBODY),
    # By the id of a report: under a patient's there is never one, for nobody.
    ("report", "GET"): _row(frozenset(), below="patients"),
    ("report-cancel", "POST"): _row(EVERYBODY, below="entries"),
    ("report-file", "GET"): _row(frozenset(), below="patients"),
    ("report-events", "GET"): _row(frozenset(), below="patients"),
}
# Not part of the document: the document itself and the page that shows it.
UNDOCUMENTED = frozenset({"schema", "docs"})
OPEN = frozenset({"auth-token", "auth-token-refresh", "schema", "docs"})
