"""Who may write what: one case for each sentence of the table of roles, written out by hand."""

import pytest

from portal.access.permissions import Permission as P
from portal.access.permissions import matching, with_reads
from portal.access.roles import ROLES, Level
from trials.rules import TASKS_FOR, let_by
from trials.vocabulary import DelegatedTask

SITE_DATA = {
    P.PATIENT_ENROLL,
    P.PATIENT_CHANGE,
    P.CONSENT_RECORD,
    P.VISIT_RECORD,
    P.VITAL_SIGN_RECORD,
    P.EXPOSURE_RECORD,
    P.MEDICATION_RECORD,
    P.MEDICAL_HISTORY_RECORD,
    P.DEVICE_ASSIGN,
    P.ADVERSE_EVENT_REPORT,
    P.EPRO_REPORT_TRANSCRIBE,
}
MEDICAL_JUDGMENTS = {P.PATIENT_JUDGE_ELIGIBILITY, P.ADVERSE_EVENT_ASSESS, P.LAB_RESULT_ASSESS}
CODING = {P.ADVERSE_EVENT_CODE, P.MEDICATION_CODE, P.MEDICAL_HISTORY_CODE}
CLINICAL_VALUES = (
    SITE_DATA
    | MEDICAL_JUDGMENTS
    | CODING
    | {P.LAB_RESULT_RECORD, P.ADVERSE_EVENT_ASSESS_FOR_SPONSOR, P.EPRO_REPORT_SUBMIT}
)
# What is written without changing a clinical value.
ABOUT_DATA = {
    P.DATA_FINDING_RESOLVE,
    P.PATIENT_SHARE,
    P.PATIENT_ENTRUST,
    P.IDENTITY_ERASE,
    P.ALERT_ACKNOWLEDGE,
    P.ALERT_CLOSE,
    P.EPRO_REPORT_DECIDE_CONSENT,
    P.EPRO_REPORT_RUN_AGAIN,
    P.REPORT_CANCEL,
}
SET_UP = {
    P.SPONSOR_CHANGE,
    P.INSTITUTION_CHANGE,
    P.TRIAL_CHANGE,
    P.SITE_CHANGE,
    P.USER_CHANGE,
    P.ASSIGNMENT_CHANGE,
    P.DELEGATION_CHANGE,
    P.ACCESS_REVIEW_RECORD,
    P.SESSION_END,
    P.OUTBOX_DELIVERY_CHANGE,
    P.RISK_RULE_CHANGE,
    P.RISK_RULE_ACTIVATE,
    P.ROSTER_CHANGE,
    P.LADDER_CHANGE,
    P.TRIAL_IMPORT,
}
CLINICAL_RECORDS = {p.resource for p in CLINICAL_VALUES} | {"identity", "allocation"}


def holders(permission: P) -> set[str]:
    """Return the roles that hold a permission."""
    return {code for code, role in ROLES.items() if permission in role.permissions}


def test_every_write_is_on_one_of_the_lists() -> None:
    assert {p for p in P if not p.is_read} == CLINICAL_VALUES | ABOUT_DATA | SET_UP


def test_physicians_close_alerts_and_nobody_of_sponsor_or_monitors_acknowledges() -> None:
    physicians = {"principal_investigator", "doctor"}
    assert holders(P.ALERT_CLOSE) == physicians
    assert holders(P.EPRO_REPORT_DECIDE_CONSENT) == physicians
    assert holders(P.ALERT_ACKNOWLEDGE) == physicians | {"study_coordinator", "medical_monitor"}
    assert holders(P.RISK_RULE_ACTIVATE) == {"medical_monitor"}


@pytest.mark.parametrize("permission", sorted(SITE_DATA))
def test_site_data_are_written_by_investigators_and_coordinators_only(permission: P) -> None:
    assert holders(permission) == {"principal_investigator", "doctor", "study_coordinator"}


def test_laboratory_results_come_from_the_laboratory_or_the_site() -> None:
    assert holders(P.LAB_RESULT_RECORD) == {
        "laboratory",
        "principal_investigator",
        "doctor",
        "study_coordinator",
    }


@pytest.mark.parametrize("permission", sorted(MEDICAL_JUDGMENTS))
def test_medical_judgments_are_made_by_physicians_only(permission: P) -> None:
    assert holders(permission) == {"principal_investigator", "doctor"}


def test_sponsors_judgments_are_made_by_safety_officer_and_medical_monitor() -> None:
    assert holders(P.ADVERSE_EVENT_ASSESS_FOR_SPONSOR) == {"safety_officer", "medical_monitor"}


def test_patients_answers_are_given_by_the_patient_or_their_caregiver() -> None:
    assert holders(P.EPRO_REPORT_SUBMIT) == {"patient", "caregiver"}


def test_exceptions_for_one_patient_are_granted_by_the_investigator() -> None:
    for permission in (P.PATIENT_SHARE, P.PATIENT_ENTRUST, P.IDENTITY_ERASE):
        assert holders(permission) == {"principal_investigator"}


@pytest.mark.parametrize("permission", sorted(CODING))
def test_terms_are_coded_by_the_medical_coder(permission: P) -> None:
    assert holders(permission) == {"medical_coder"}


@pytest.mark.req("ISO-03")
@pytest.mark.parametrize(
    "role",
    [
        "cra",
        "data_manager",
        "trial_manager",
        "sponsor_admin",
        "inspector",
        "unblinded_monitor",
        "unblinded_safety_officer",
        "unblinded_statistician",
        "unblinded_pharmacist",
        "dsmb_member",
        "system_admin",
    ],
)
def test_role_writes_no_clinical_value(role: str) -> None:
    assert not ROLES[role].permissions & CLINICAL_VALUES


@pytest.mark.req("ISO-03")
@pytest.mark.parametrize("role", ["safety_officer", "medical_monitor"])
def test_sponsors_physicians_write_their_own_judgment_and_no_site_data(role: str) -> None:
    written = ROLES[role].permissions & CLINICAL_VALUES
    assert written == {P.ADVERSE_EVENT_ASSESS_FOR_SPONSOR}


def test_inspector_reads_and_changes_nothing() -> None:
    assert all(p.value.endswith(":view") for p in ROLES["inspector"].permissions)


def test_system_administrator_sees_nothing_clinical() -> None:
    assert not {p.resource for p in ROLES["system_admin"].permissions} & (
        CLINICAL_RECORDS | {"data_finding", "source_record", "audit_entry"}
    )


def test_device_holds_no_right_of_its_own() -> None:
    assert not ROLES["device"].permissions


@pytest.mark.parametrize("role", sorted(ROLES))
def test_write_includes_read(role: str) -> None:
    held = ROLES[role].permissions
    assert held == with_reads(held)


@pytest.mark.parametrize(
    ("role", "included"),
    [
        ("doctor", "study_coordinator"),
        ("principal_investigator", "doctor"),
        ("unblinded_monitor", "cra"),
    ],
)
def test_role_may_all_that_the_role_it_includes_may(role: str, included: str) -> None:
    assert ROLES[role].permissions > ROLES[included].permissions


def test_pattern_stands_for_what_it_matches_and_for_nothing_else() -> None:
    assert matching("consent:*") == {P.CONSENT_VIEW, P.CONSENT_RECORD}
    assert matching("*:code") == CODING
    with pytest.raises(ValueError, match="no permission"):
        matching("consent:burn")


def test_everything_that_delegated_staff_write_belongs_to_a_task() -> None:
    for role in ROLES.values():
        if role.needs_delegation:
            assert {p for p in role.permissions if not p.is_read} <= TASKS_FOR.keys(), role.code


def test_only_site_staff_below_the_investigator_need_a_delegation() -> None:
    needing = {code for code, role in ROLES.items() if role.needs_delegation}
    assert needing == {"doctor", "study_coordinator", "unblinded_pharmacist"}
    assert all(ROLES[code].levels == {Level.SITE} for code in needing)


@pytest.mark.parametrize("task", DelegatedTask)
def test_task_lets_nobody_do_what_their_role_does_not(task: DelegatedTask) -> None:
    coordinator = ROLES["study_coordinator"].permissions
    assert let_by(task, coordinator) <= coordinator
    assert not let_by(task, coordinator) & MEDICAL_JUDGMENTS
