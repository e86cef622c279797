"""A rule tried on the trial's history: the very walk that will be made when it is in force."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Max, Min

from patients.models import (
    DiaryAssignment,
    EproReport,
    ObservationSet,
    Patient,
    RiskRuleDryRun,
    RiskRuleVersion,
    VitalSign,
)
from patients.pipeline import series
from patients.pipeline.ages import ages_of
from patients.pipeline.definitions import rule_of
from patients.rules import risk
from patients.vocabulary import DryRunState, RuleState
from portal.accounts.models import User
from portal.core.errors import RuleBroken
from portal.core.history import acting
from portal.documents.services.reports import ask_for_report

Progress = Callable[[int, int], None]
WARN_ABOVE = Decimal(2)
_AT_ONCE = 50
# More patients than that are tried in the background.
MOST_AT_ONCE = 200
REPORT_KIND = "risk_rule_dry_run"
_DAY = Decimal(86_400)
_NOTHING_YET = dict.fromkeys(
    ("patients_done", "observations", "breaches", "alerts", "patient_days"), 0
)


class RunningAlready(RuleBroken):
    """This version is being tried at the moment."""

    code = "dry_run_running"


def try_version(
    *, version: RiskRuleVersion, by: User, at: datetime, reason: str = "dry run"
) -> RiskRuleDryRun:
    """Try a version: at once where the trial is small, else as a report with progress.

    Raises: RunningAlready, TooManyReports.
    """
    if Patient.objects.filter(trial=version.trial_id).count() <= MOST_AT_ONCE:
        run = start_dry_run(version=version, by=by, at=at, reason=reason)
        return continue_dry_run(run=run, by=by, at=at, reason=reason)
    with acting(by=by, at=at, reason=reason):
        run = start_dry_run(version=version, by=by, at=at, reason=reason)
        asked = {"version": str(version.pk)}
        ask_for_report(kind=REPORT_KIND, parameters=asked, by=by, at=at, reason=reason)
    return run


def start_dry_run(
    *, version: RiskRuleVersion, by: User, at: datetime, reason: str = "dry run"
) -> RiskRuleDryRun:
    """Begin to try a version; `continue_dry_run` does it, part by part.

    Raises: RunningAlready.
    """
    with acting(by=by, at=at, reason=reason):
        held = RiskRuleVersion.objects.select_for_update().get(pk=version.pk)
        if held.dry_runs.filter(state=DryRunState.RUNNING).exists():
            raise RunningAlready()
        return RiskRuleDryRun.objects.create(
            trial_id=held.trial_id,
            rule_version=held,
            parameters=held.parameters,
            started_at=at,
            started_by=by,
            created_at=at,
            patients_total=Patient.objects.filter(trial=held.trial_id).count(),
        )


def cancel_dry_run(*, run: RiskRuleDryRun, by: User, at: datetime, reason: str) -> RiskRuleDryRun:
    """Ask a dry run to stop; it stops after the patients that it is at."""
    with acting(by=by, at=at, reason=reason):
        RiskRuleDryRun.objects.filter(pk=run.pk, state=DryRunState.RUNNING).update(
            cancel_requested_at=at
        )
    run.refresh_from_db()
    return run


def continue_dry_run(
    *,
    run: RiskRuleDryRun,
    progress: Progress | None = None,
    by: User,
    at: datetime,
    reason: str = "dry run",
) -> RiskRuleDryRun:
    """Walk over the trial's patients, counting what would have fired; nothing is raised.

    Each part is committed, so that others see how far it is and can cancel it. One that was
    interrupted begins anew.
    """
    version = run.rule_version
    rule = rule_of(
        version.pk,
        version.rule_id,
        version.trial_id,
        version.rule.kind,
        version.rule.name,
        run.parameters,
        None,
    )
    patients = list(
        Patient.objects.filter(trial=run.trial_id).order_by("id").values_list("id", flat=True)
    )
    with acting(by=by, at=at, reason=reason):
        RiskRuleDryRun.objects.filter(pk=run.pk).exclude(patients_done=0).update(**_NOTHING_YET)
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        with acting(by=by, at=at, reason=reason):
            held = RiskRuleDryRun.objects.select_for_update().get(pk=run.pk)
            if held.cancel_requested_at is not None:
                return _finish(held, DryRunState.CANCELED, at)
            for seen, breaches, alerts, days in _try(rule.parameters, some):
                held.observations += seen
                held.breaches += breaches
                held.alerts += alerts
                held.patient_days += days
            held.patients_done = start + len(some)
            held.save()
        if progress is not None:
            progress(held.patients_done, len(patients))
    with acting(by=by, at=at, reason=reason):
        held = RiskRuleDryRun.objects.select_for_update().get(pk=run.pk)
        return _finish(held, DryRunState.FINISHED, at)


def give_up_dry_run(*, run: RiskRuleDryRun, by: User, at: datetime, reason: str) -> None:
    """End a dry run that could not be walked to its end, so that another can begin."""
    with acting(by=by, at=at, reason=reason):
        held = RiskRuleDryRun.objects.select_for_update().get(pk=run.pk)
        if held.state == DryRunState.RUNNING:
            asked = held.cancel_requested_at is not None
            _finish(held, DryRunState.CANCELED if asked else DryRunState.FAILED, at)


def is_too_loud(run: RiskRuleDryRun) -> bool:
    """Whether a rule would raise more alerts for a patient and day than anybody can answer."""
    return run.alerts_per_patient_day is not None and run.alerts_per_patient_day > WARN_ABOVE


def _finish(run: RiskRuleDryRun, state: DryRunState, at: datetime) -> RiskRuleDryRun:
    run.state, run.finished_at = state, at
    if run.patient_days:
        run.alerts_per_patient_day = Decimal(run.alerts) / run.patient_days
    run.save()
    if state == DryRunState.FINISHED:
        version = RiskRuleVersion.objects.select_for_update().get(pk=run.rule_version_id)
        if version.state in (RuleState.DRAFT, RuleState.DRY_RUN) and (
            version.parameters == run.parameters
        ):
            version.state, version.tried_at = RuleState.DRY_RUN, at
            version.save()
    run.refresh_from_db()
    return run


def _try(
    rule: risk.Parameters, patients: Sequence[UUID]
) -> Iterator[tuple[int, int, int, Decimal]]:
    source, key = risk.keys_of(rule)
    ages = ages_of(patients)
    meant = [one for one in patients if risk.is_of_age(rule, ages[one])]
    found = (
        series.load((patient, source, key) for patient in meant)
        if source in series.SOURCES
        else series.load_events(source, meant)
    )
    days = _days_of(patients)
    for patient in patients:
        dated = found.get((patient, source, key), ())
        breaches = list(risk.walk(rule, (one.seen for one, _created in dated)))
        fired = sum(breach.fires for breach in breaches)
        yield len(dated), len(breaches), fired, days.get(patient, Decimal(0))


def _days_of(patients: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Return for how long something was observed of each patient, in days; at least one."""
    first: dict[UUID, datetime] = {}
    last: dict[UUID, datetime] = {}
    for rows, column in (
        (VitalSign.objects, "measured_earliest"),
        (EproReport.objects, "authored_at"),
        (DiaryAssignment.objects, "closes_at"),
        (ObservationSet.objects, "taken_until"),
    ):
        spans = rows.filter(patient__in=patients).values_list("patient")
        for patient, begins, ends in spans.annotate(Min(column), Max(column)):
            if begins is not None:
                first[patient] = min(begins, first.get(patient, begins))
                last[patient] = max(ends, last.get(patient, ends))
    return {
        patient: max(Decimal((last[patient] - begins).total_seconds()) / _DAY, Decimal(1))
        for patient, begins in first.items()
    }
