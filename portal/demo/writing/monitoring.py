"""Wards: how the inpatients of two sites are watched, and the rules that watch with the staff."""

from datetime import datetime
from typing import Any

from patients.models import MonitoringPlan, RiskRuleDryRun
from patients.services.risk_rules import activate_version, create_rule
from patients.vocabulary import CareSetting, DryRunState, RuleKind, RuleState
from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.demo.generator.design import PHASE_3
from portal.demo.writing.cast import Cast
from trials.models import Site, Trial

# The sites of the demo's two doctors.
WARDS = ("01", "05")
_REASON = "Demonstration: proposed for adults, confirmed by a physician"
_RULES: tuple[tuple[str, str, RuleKind, dict[str, Any]], ...] = (
    (
        "news2-medium",
        "NEWS2 of 5 or more, or 3 in one parameter",
        RuleKind.NEWS2,
        {"aggregate": 5, "acknowledge_within_minutes": 30, "again_after_hours": 4},
    ),
    (
        "low-oxygen-saturation",
        "Oxygen saturation below 88 % for two minutes",
        RuleKind.THRESHOLD,
        {
            "code": "spo2",
            "direction": "below",
            "set": "88",
            "reset": "92",
            "minimum_minutes": 2,
            "median_of": 3,
            "again_after_hours": 8,
            "acknowledge_within_minutes": 15,
        },
    ),
)


def write_monitoring(cast: Cast, at: datetime) -> None:
    """Turn NEWS2 on at the wards, and put two rules into force; their rosters are staffed."""
    trial = Trial.objects.get(number=PHASE_3.number)
    for site in Site.objects.filter(trial=trial, code__in=WARDS).order_by("code"):
        MonitoringPlan.objects.create(
            site=site, setting=CareSetting.INPATIENT, news2_enabled=True, created_at=at
        )
    physician = User.objects.get(pk=cast.accounts["medical"])
    for code, name, kind, parameters in _RULES:
        _put_into_force(trial, code, name, kind, parameters, physician, at)


def _put_into_force(
    trial: Trial,
    code: str,
    name: str,
    kind: RuleKind,
    parameters: dict[str, Any],
    by: User,
    at: datetime,
) -> None:
    """Write a rule as tried, with nobody to try it on: what is there was before the wards."""
    about: dict[str, Any] = {"by": by, "at": at, "reason": _REASON}
    version = create_rule(
        trial=trial, code=code, name=name, kind=kind, parameters=parameters, **about
    )
    with acting(by=SYSTEM_ACCOUNT, at=at, reason=_REASON):
        version.state, version.tried_at = RuleState.DRY_RUN, at
        version.save()
        RiskRuleDryRun.objects.create(
            trial=trial,
            rule_version=version,
            state=DryRunState.FINISHED,
            parameters=version.parameters,
            started_at=at,
            started_by=by,
            finished_at=at,
        )
    activate_version(version=version, **about)
