"""How a site's patients are watched: the monitoring plan, and the flags that NEWS2 asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from patients.models import ClinicalFlag, MonitoringPlan, Patient
from patients.pipeline.chunk import lock_patients
from patients.vocabulary import FlagKind, VitalCode
from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput, RuleBroken
from portal.core.history import acting
from trials.models import Site
from trials.services.setup import save_checked

LONGEST_FRESH_SECONDS = 30 * 86_400
# Of two that contradict each other, the one in force is ended before the other begins.
_CONTRADICTS: Mapping[str, str] = {
    FlagKind.PREGNANCY: FlagKind.NOT_PREGNANT,
    FlagKind.NOT_PREGNANT: FlagKind.PREGNANCY,
}


class PlannedAlready(RuleBroken):
    """The site has a monitoring plan already: change that one."""

    code = "planned_already"


class NotAFreshness(InvalidInput):
    """For how long a reading is fresh is said in seconds, by the code of a vital sign."""

    code = "invalid_freshness"


class FlaggedAlready(RuleBroken):
    """This flag, or one that contradicts it, is in force: end that first."""

    code = "flagged_already"


class FlagHasEnded(RuleBroken):
    """The flag has ended already."""

    code = "flag_has_ended"


class NotAFlagSpan(InvalidInput):
    """A flag begins now or earlier, and ends after it begins."""

    code = "invalid_flag_span"


def plan_monitoring(
    *, site: Site, facts: Mapping[str, Any], by: User, at: datetime, reason: str
) -> MonitoringPlan:
    """Write a site's monitoring plan; with `news2_enabled` NEWS2 is scored there from now on.

    Source: domain.md 7 (off until a plan turns it on for inpatients).
    Locks: the site's plan, by its constraint. Raises: PlannedAlready, NotAFreshness, InvalidInput.
    """
    with acting(by=by, at=at, reason=reason):
        Site.objects.select_for_update().get(pk=site.pk)
        if MonitoringPlan.objects.filter(site=site).exists():
            raise PlannedAlready()
        return _saved(MonitoringPlan(site=site, created_at=at), facts, by, at, reason)


def change_monitoring_plan(
    *, plan: MonitoringPlan, facts: Mapping[str, Any], by: User, at: datetime, reason: str
) -> MonitoringPlan:
    """Change a plan, or turn NEWS2 on or off; scores that stand are not touched.

    Locks: the plan. Raises: NotAFreshness, InvalidInput.
    """
    with acting(by=by, at=at, reason=reason):
        held = MonitoringPlan.objects.select_for_update().get(pk=plan.pk)
        return _saved(held, facts, by, at, reason)


def _saved(
    plan: MonitoringPlan, facts: Mapping[str, Any], by: User, at: datetime, reason: str
) -> MonitoringPlan:
    for name, value in facts.items():
        setattr(plan, name, value)
    if not _is_freshness(plan.fresh_for):
        said = str(NotAFreshness.__doc__)
        raise NotAFreshness(errors=(FieldError("/fresh_for", NotAFreshness.code, said),))
    return save_checked(plan, by=by, at=at, reason=reason)


def _is_freshness(said: Any) -> bool:
    return isinstance(said, dict) and all(
        code in VitalCode.values
        and isinstance(seconds, int)
        and not isinstance(seconds, bool)
        and 0 < seconds <= LONGEST_FRESH_SECONDS
        for code, seconds in said.items()
    )


def flag_patient(
    *,
    patient: Patient,
    kind: str,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> ClinicalFlag:
    """Record a dated fact that changes how readings are judged; `by` is its author.

    Scores that are there keep what they were computed with.
    Locks: the patient. Raises: NotAFlagSpan, FlaggedAlready.
    """
    begins = from_at or at
    if begins > at or (to_at is not None and to_at <= begins):
        raise NotAFlagSpan()
    with acting(by=by, at=at, reason=reason):
        lock_patients([patient.pk])
        asked = [kind, *([_CONTRADICTS[kind]] if kind in _CONTRADICTS else [])]
        held = ClinicalFlag.objects.filter(patient=patient, kind__in=asked)
        held = held.filter(Q(to_at__isnull=True) | Q(to_at__gt=begins))
        if held.filter(**({} if to_at is None else {"from_at__lt": to_at})).exists():
            raise FlaggedAlready()
        flag = ClinicalFlag(
            patient=patient, kind=kind, author=by, from_at=begins, to_at=to_at, created_at=at
        )
        flag.save(force_insert=True)
    flag.refresh_from_db()
    return flag


def end_flag(*, flag: ClinicalFlag, by: User, at: datetime, reason: str) -> ClinicalFlag:
    """Record that a fact holds no longer, from now on. Locks: the flag. Raises: FlagHasEnded."""
    with acting(by=by, at=at, reason=reason):
        held = ClinicalFlag.objects.select_for_update().get(pk=flag.pk)
        if held.to_at is not None and held.to_at <= at:
            raise FlagHasEnded()
        held.to_at = at
        held.save()
        held.refresh_from_db()
    return held
