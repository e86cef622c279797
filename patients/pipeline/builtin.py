"""The rule that needs nobody to write it: an answer to a safety item always raises an alert."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_noop

from patients.models import RiskRule, RiskRuleVersion
from patients.pipeline.definitions import ActiveRule, Rules, rule_of
from patients.pipeline.steps import Observed
from patients.rules.risk import Answer
from patients.vocabulary import RuleKind, RuleState
from portal.core.ids import PIPELINE_ACCOUNT, seeded_uuid7

CODE = "safety-answer"
NAME = gettext_noop("Answer to a safety item")
PARAMETERS = {"item": "*", "acknowledge_within_minutes": 15, "may_be_adverse_event": True}


def with_built_in(rules: Rules, observed: Iterable[Observed], at: datetime) -> Rules:
    """Add the portal's own rule where a safety answer would raise no alert."""
    uncovered = {
        one.trial_id for one in observed if one.source == "safety" and not _is_covered(rules, one)
    }
    if not uncovered:
        return rules
    extended = {key: list(some) for key, some in rules.items()}
    for trial in sorted(uncovered):
        extended.setdefault((trial, "safety", ""), []).append(ensure_safety_rule(trial, at))
    return extended


def _is_covered(rules: Rules, one: Observed) -> bool:
    """Whether some rule of the trial fires for this item whatever the age and the answer."""
    return any(
        isinstance(rule.parameters, Answer)
        and rule.parameters.item in ("*", one.key)
        and rule.parameters.above is None
        and rule.parameters.age_from is None
        and rule.parameters.age_below is None
        for rule in rules.get((one.trial_id, "safety", ""), ())
    )


def ensure_safety_rule(trial_id: UUID, at: datetime) -> ActiveRule:
    """Return the built-in rule of a trial; it is made with the first safety answer.

    Two workers that make it at once make the same rows. Runs inside `acting`.
    """
    rule_id = seeded_uuid7(_ALWAYS, trial_id, CODE)
    version_id = seeded_uuid7(_ALWAYS, trial_id, CODE, 1)
    parameters = {**PARAMETERS, "age_from": None}
    if not RiskRuleVersion.objects.filter(pk=version_id).exists():
        RiskRule.objects.bulk_create(
            [
                RiskRule(
                    id=rule_id,
                    created_at=at,
                    trial_id=trial_id,
                    code=f"portal:{CODE}",
                    name=NAME,
                    kind=RuleKind.ANSWER,
                    is_built_in=True,
                )
            ],
            ignore_conflicts=True,
        )
        RiskRuleVersion.objects.bulk_create(
            [
                RiskRuleVersion(
                    id=version_id,
                    created_at=at,
                    trial_id=trial_id,
                    rule_id=rule_id,
                    number=1,
                    parameters=parameters,
                    state=RuleState.ACTIVE,
                    is_built_in=True,
                    activated_at=at,
                    activated_by_id=PIPELINE_ACCOUNT,
                    evaluates_from=_ALWAYS,
                )
            ],
            ignore_conflicts=True,
        )
    return rule_of(version_id, rule_id, trial_id, RuleKind.ANSWER.value, NAME, parameters, _ALWAYS)


_ALWAYS = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
