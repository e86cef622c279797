"""Risk rules: written, tried on history, confirmed by a named person, retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from patients.models import RiskRule, RiskRuleDryRun, RiskRuleVersion
from patients.pipeline.chunk import RULES_LOCK
from patients.rules import risk
from patients.vocabulary import DryRunState, RuleKind, RuleState
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.accounts.models import User
from portal.core.errors import InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting
from trials.models import Trial
from trials.services.duty import check_staffed
from trials.services.setup import save_checked


class NotTried(RuleBroken):
    """This version was not tried on the trial's history yet."""

    code = "rule_not_tried"


class NotADraft(RuleBroken):
    """A version that was in force is not changed: write another one."""

    code = "rule_not_a_draft"


class NotActive(RuleBroken):
    """Only a version in force can be retired."""

    code = "rule_not_active"


def create_rule(
    *,
    trial: Trial,
    code: str,
    name: str,
    kind: str,
    parameters: Mapping[str, Any],
    by: User,
    at: datetime,
    reason: str,
) -> RiskRuleVersion:
    """Write a rule with its first version, a draft. Raises: NotParameters, InvalidInput."""
    risk.decode(kind, parameters)
    rule = RiskRule(trial=trial, code=code, name=name, kind=kind, created_at=at)
    with acting(by=by, at=at, reason=reason):
        save_checked(rule, by=by, at=at, reason=reason)
        return add_version(rule=rule, parameters=parameters, by=by, at=at, reason=reason)


def add_version(
    *, rule: RiskRule, parameters: Mapping[str, Any], by: User, at: datetime, reason: str
) -> RiskRuleVersion:
    """Write another version of a rule, a draft. Locks: the rule. Raises: NotParameters."""
    risk.decode(rule.kind, parameters)
    with acting(by=by, at=at, reason=reason):
        RiskRule.objects.select_for_update().get(pk=rule.pk)
        last = rule.versions.aggregate(Max("number"))["number__max"] or 0
        version = RiskRuleVersion(
            trial_id=rule.trial_id,
            rule=rule,
            number=last + 1,
            parameters=dict(parameters),
            created_at=at,
        )
        return save_checked(version, by=by, at=at, reason=reason)


def change_draft(
    *,
    version: RiskRuleVersion,
    parameters: Mapping[str, Any],
    by: User,
    at: datetime,
    reason: str,
) -> RiskRuleVersion:
    """Change what a draft says; it must be tried again. Raises: NotADraft, NotParameters."""
    risk.decode(version.rule.kind, parameters)
    with acting(by=by, at=at, reason=reason):
        held = RiskRuleVersion.objects.select_for_update().get(pk=version.pk)
        if held.state not in (RuleState.DRAFT, RuleState.DRY_RUN):
            raise NotADraft()
        held.parameters = dict(parameters)
        held.state, held.tried_at = RuleState.DRAFT, None
        return save_checked(held, by=by, at=at, reason=reason)


def activate_version(
    *, version: RiskRuleVersion, by: User, at: datetime, reason: str
) -> RiskRuleVersion:
    """Put a tried version into force; `by` confirms it by name, the one before it retires.

    It evaluates what is written from now on: what is there was evaluated by the dry run.
    Locks: the rules (chunks under way end first), the version.
    Raises: NotPermitted, NotTried, NotADraft, NotStaffed.
    """
    if not may(by, Permission.RISK_RULE_ACTIVATE, version):
        raise NotPermitted()
    with acting(by=by, at=at, reason=reason):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RULES_LOCK])
            cursor.execute("SELECT clock_timestamp()")
            from_now = cursor.fetchone()[0]
        held = RiskRuleVersion.objects.select_for_update().get(pk=version.pk)
        if held.state in (RuleState.ACTIVE, RuleState.RETIRED):
            raise NotADraft()
        if not _was_tried(held):
            raise NotTried()
        check_staffed(trial=held.trial, at=at)
        for before in RiskRuleVersion.objects.select_for_update().filter(
            rule=held.rule_id, state=RuleState.ACTIVE
        ):
            _retire(before, by=by, at=at, reason=reason)
        held.state, held.evaluates_from = RuleState.ACTIVE, from_now
        held.activated_at, held.activated_by = at, by
        return save_checked(held, by=by, at=at, reason=reason)


def _was_tried(version: RiskRuleVersion) -> bool:
    """Whether a dry run of this very text came to its end."""
    runs = RiskRuleDryRun.objects.filter(rule_version=version, state=DryRunState.FINISHED)
    return version.tried_at is not None and runs.filter(parameters=version.parameters).exists()


def retire_version(
    *, version: RiskRuleVersion, by: User, at: datetime, reason: str
) -> RiskRuleVersion:
    """Take a version out of force. Raises: NotPermitted, NotActive."""
    if not may(by, Permission.RISK_RULE_ACTIVATE, version):
        raise NotPermitted()
    with acting(by=by, at=at, reason=reason):
        held = RiskRuleVersion.objects.select_for_update().get(pk=version.pk)
        if held.state != RuleState.ACTIVE:
            raise NotActive()
        return _retire(held, by=by, at=at, reason=reason)


def _retire(version: RiskRuleVersion, *, by: User, at: datetime, reason: str) -> RiskRuleVersion:
    version.state, version.retired_at = RuleState.RETIRED, at
    return save_checked(version, by=by, at=at, reason=reason)


class UnknownProposal(InvalidInput):
    """There is no such proposal to start from."""

    code = "unknown_proposal"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule to start from: a first text, which a physician confirms or changes for the trial."""

    name: Promise
    kind: RuleKind
    parameters: Mapping[str, Any]


def start_rule(
    *, trial: Trial, proposal: str, code: str, name: str, by: User, at: datetime, reason: str
) -> RiskRuleVersion:
    """Write a rule whose first draft is a proposal. Raises: UnknownProposal, InvalidInput."""
    found = PROPOSALS.get(proposal)
    if found is None:
        raise UnknownProposal()
    return create_rule(
        trial=trial,
        code=code,
        name=name,
        kind=found.kind,
        parameters={"acknowledge_within_minutes": 30, **found.parameters},
        by=by,
        at=at,
        reason=reason,
    )


# For adults; below 16 years there are no proposals (domain.md 8).
PROPOSALS: Mapping[str, Proposal] = {
    "tachycardia": Proposal(
        _("Fast heart rate"),
        RuleKind.THRESHOLD,
        {"code": "heart_rate", "direction": "above", "set": 130, "reset": 120},
    ),
    "bradycardia": Proposal(
        _("Slow heart rate"),
        RuleKind.THRESHOLD,
        {"code": "heart_rate", "direction": "below", "set": 40, "reset": 45},
    ),
    "hypoxemia": Proposal(
        _("Low oxygen saturation"),
        RuleKind.THRESHOLD,
        {"code": "spo2", "direction": "below", "set": 91, "reset": 93},
    ),
    "hypotension": Proposal(
        _("Low systolic pressure"),
        RuleKind.THRESHOLD,
        {"code": "systolic_bp", "direction": "below", "set": 90, "reset": 95},
    ),
    "hypertension": Proposal(
        _("High systolic pressure"),
        RuleKind.THRESHOLD,
        {"code": "systolic_bp", "direction": "above", "set": 180, "reset": 170},
    ),
    "fever": Proposal(
        _("High temperature"),
        RuleKind.THRESHOLD,
        {"code": "temperature", "direction": "above", "set": 39, "reset": 38.5},
    ),
    "weight-loss": Proposal(
        _("Loss of weight since baseline"),
        RuleKind.CHANGE,
        {"code": "weight", "direction": "below", "set": -10, "reset": -8, "is_percent": True},
    ),
    "weight-jump": Proposal(
        _("Implausible jump of weight"),
        RuleKind.JUMP,
        {"code": "weight", "limit": 10, "within_minutes": 1440},
    ),
    "safety-answer": Proposal(_("Answer to a safety item"), RuleKind.ANSWER, {"above": 0}),
    "news2": Proposal(_("NEWS2 of 5 or more"), RuleKind.NEWS2, {"aggregate": 5}),
    "missing-diaries": Proposal(_("Missing diaries"), RuleKind.MISSING_DIARIES, {"in_a_row": 2}),
    "duplicate-device": Proposal(_("Device of somebody else"), RuleKind.DUPLICATE_DEVICE, {}),
}
