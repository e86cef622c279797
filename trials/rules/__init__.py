"""Pure rules of trials: what a role may be assigned to, what a site needs, who acts for whom."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from portal.access.permissions import Permission as P
from portal.core.errors import RuleBroken
from trials.vocabulary import AssignmentScope, DelegatedTask, SiteStatus


class RoleNotAtThisScope(RuleBroken):
    """This role cannot be assigned at this scope."""

    code = "role_not_at_this_scope"


class ApprovalsMissing(RuleBroken):
    """The site lacks an approval that its country needs; record it first."""

    code = "approvals_missing"


class StepNotAllowed(RuleBroken):
    """The site's status does not allow this step."""

    code = "step_not_allowed"


SITE_STEPS: Mapping[tuple[SiteStatus, SiteStatus], str] = {
    (SiteStatus.PLANNED, SiteStatus.ACTIVE): "activate",
    (SiteStatus.PLANNED, SiteStatus.CLOSED): "close",
    (SiteStatus.ACTIVE, SiteStatus.ON_HOLD): "hold",
    (SiteStatus.ON_HOLD, SiteStatus.ACTIVE): "resume",
    (SiteStatus.ACTIVE, SiteStatus.CLOSED): "close",
    (SiteStatus.ON_HOLD, SiteStatus.CLOSED): "close",
}

# What site staff write, and the tasks of the delegation log that let them: one of them is enough.
# Source: ICH E6(R3) 2.3.
TASKS_FOR: Mapping[P, frozenset[DelegatedTask]] = {
    P.CONSENT_RECORD: frozenset({DelegatedTask.CONSENT}),
    P.PATIENT_ENROLL: frozenset({DelegatedTask.ELIGIBILITY, DelegatedTask.DATA_ENTRY}),
    P.PATIENT_CHANGE: frozenset({DelegatedTask.DATA_ENTRY}),
    P.VISIT_RECORD: frozenset({DelegatedTask.DATA_ENTRY}),
    P.VITAL_SIGN_RECORD: frozenset({DelegatedTask.DATA_ENTRY, DelegatedTask.SAMPLING}),
    P.LAB_RESULT_RECORD: frozenset({DelegatedTask.DATA_ENTRY, DelegatedTask.SAMPLING}),
    P.EXPOSURE_RECORD: frozenset({DelegatedTask.DATA_ENTRY, DelegatedTask.DISPENSING}),
    P.MEDICATION_RECORD: frozenset({DelegatedTask.DATA_ENTRY}),
    P.MEDICAL_HISTORY_RECORD: frozenset({DelegatedTask.DATA_ENTRY}),
    P.DEVICE_ASSIGN: frozenset({DelegatedTask.DATA_ENTRY}),
    P.EPRO_REPORT_TRANSCRIBE: frozenset({DelegatedTask.DATA_ENTRY}),
    P.DATA_FINDING_RESOLVE: frozenset({DelegatedTask.DATA_ENTRY, DelegatedTask.QUERY_RESOLUTION}),
    P.ADVERSE_EVENT_REPORT: frozenset(
        {DelegatedTask.SAFETY_REPORTING, DelegatedTask.MEDICAL_ASSESSMENT, DelegatedTask.DATA_ENTRY}
    ),
    P.ADVERSE_EVENT_ASSESS: frozenset(
        {DelegatedTask.SAFETY_REPORTING, DelegatedTask.MEDICAL_ASSESSMENT}
    ),
    P.LAB_RESULT_ASSESS: frozenset({DelegatedTask.MEDICAL_ASSESSMENT}),
    # Whoever looks after the patients says "I have it"; only a physician closes.
    P.ALERT_ACKNOWLEDGE: frozenset(
        {DelegatedTask.SAFETY_REPORTING, DelegatedTask.MEDICAL_ASSESSMENT, DelegatedTask.DATA_ENTRY}
    ),
    P.EPRO_REPORT_RUN_AGAIN: frozenset({DelegatedTask.DATA_ENTRY}),
    P.ALERT_CLOSE: frozenset({DelegatedTask.MEDICAL_ASSESSMENT}),
    P.EPRO_REPORT_DECIDE_CONSENT: frozenset({DelegatedTask.CONSENT}),
    P.PATIENT_JUDGE_ELIGIBILITY: frozenset({DelegatedTask.ELIGIBILITY}),
}

# From when until when; None: open.
Span = tuple[datetime, datetime | None]


def needing_no_delegation(permissions: Iterable[P]) -> frozenset[P]:
    """Return those of `permissions` that the role alone gives."""
    return frozenset(permissions) - TASKS_FOR.keys()


def let_by(task: DelegatedTask, permissions: Iterable[P]) -> frozenset[P]:
    """Return those of `permissions` that a delegation of `task` lets somebody use."""
    return frozenset(p for p in permissions if task in TASKS_FOR.get(p, frozenset()))


def delegation_span(
    *,
    effective_from: datetime,
    effective_to: datetime | None,
    recorded_at: datetime,
    accepted_at: datetime | None,
) -> Span | None:
    """Return when a delegation counts; None while it is not accepted.

    It never grants backwards: recorded or accepted later than effective, it counts from then on.
    """
    if accepted_at is None:
        return None
    return overlap((max(effective_from, recorded_at, accepted_at), effective_to))


def overlap(*spans: Span) -> Span | None:
    """Return the span common to all `spans`, None where there is none."""
    begins = max(begin for begin, _ in spans)
    ends = min((end for _, end in spans if end is not None), default=None)
    return None if ends is not None and ends <= begins else (begins, ends)


def check_site_step(*, before: SiteStatus, after: SiteStatus) -> None:
    """Refuse a change of status that the table does not know. Raises: StepNotAllowed."""
    if (before, after) not in SITE_STEPS:
        raise StepNotAllowed(
            "A site that is %(before)s cannot become %(after)s.",
            before=SiteStatus(before).label,
            after=SiteStatus(after).label,
        )


def check_approvals(*, needed: Iterable[str], given: Iterable[str]) -> None:
    """Refuse activation while a needed approval is not recorded.

    Source: ICH E6(R3) 4.3.5 (E6-11). Raises: ApprovalsMissing.
    """
    missing = sorted(set(needed) - set(given))
    if missing:
        raise ApprovalsMissing(
            "These approvals are not recorded: %(missing)s.", missing=", ".join(missing)
        )


def check_role_scope(*, role: str, scope: AssignmentScope, allowed: Iterable[str]) -> None:
    """Refuse a role at a scope where it has no meaning. Raises: RoleNotAtThisScope."""
    if scope.value not in set(allowed):
        raise RoleNotAtThisScope(
            "%(role)s cannot be assigned at the level of the %(scope)s.",
            role=role,
            scope=scope.label,
        )
