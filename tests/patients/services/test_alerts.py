"""Alerts, rules and sealed reports: who decides, and what may not be."""

from datetime import timedelta
from typing import Any

import pytest

from events.models import CandidateAdverseEvent
from events.services.candidates import dismiss_candidate, suggest_candidate
from patients.models import Alert, EproReport, ReportProcessing, RiskRuleDryRun, VitalSign
from patients.selectors import outside_consent, vital_signs
from patients.services import alerts, dry_runs, processing, risk_rules
from portal.core.errors import InvalidInput, NotPermitted
from tests.access.world import make_person
from tests.patients.pipeline.uploads import NOW, Ward, make_ward, pulse, run, store_version
from trials.services.duty import NotStaffed, put_on_duty
from trials.vocabulary import DutyLine

FAST = {"code": "heart_rate", "direction": "above", "set": 120, "reset": 110}
DUE = {"acknowledge_within_minutes": 30}


@pytest.fixture
def ward(db: None) -> Ward:
    return make_ward()


@pytest.fixture
def people(ward: Ward) -> dict[str, Any]:
    site, trial = ward.world.sites[0], ward.world.trials[0]
    return {
        "doctor": make_person(ward.world, "doc", "principal_investigator", site),
        "second": make_person(ward.world, "second", "principal_investigator", site),
        "coordinator": make_person(ward.world, "coord", "study_coordinator", site),
        "elsewhere": make_person(
            ward.world, "other", "principal_investigator", ward.world.sites[1]
        ),
        "monitor": make_person(ward.world, "medical", "medical_monitor", trial),
        "cra": make_person(ward.world, "cra", "cra", site),
    }


@pytest.fixture
def alert(ward: Ward) -> Alert:
    ward.rule("threshold", **FAST)
    run(ward.report(vitals=[pulse(150)]))
    return ward.patient_alerts()[0]


def test_the_first_who_has_it_stays_named(alert: Alert, people: dict[str, Any]) -> None:
    alerts.acknowledge_alert(alert=alert, by=people["second"], at=NOW, comment="going")

    again = alerts.acknowledge_alert(alert=alert, by=people["doctor"], at=NOW, comment="me too")

    assert (again.state, again.acknowledged_by, again.comment) == (
        "acknowledged",
        people["second"],
        "going",
    )


@pytest.mark.parametrize("who", ["cra", "elsewhere", "coordinator"])
def test_who_is_not_on_the_ladder_cannot_acknowledge(
    alert: Alert, people: dict[str, Any], who: str
) -> None:
    with pytest.raises(NotPermitted):
        alerts.acknowledge_alert(alert=alert, by=people[who], at=NOW)


@pytest.mark.parametrize("who", ["cra", "coordinator", "monitor", "elsewhere"])
def test_only_a_delegated_physician_of_the_site_closes(
    alert: Alert, people: dict[str, Any], who: str
) -> None:
    with pytest.raises(NotPermitted):
        alerts.close_alert(alert=alert, assessment="Anxious.", by=people[who], at=NOW)


def test_an_alert_is_closed_with_an_assessment_and_a_new_breach_opens_another(
    ward: Ward, alert: Alert, people: dict[str, Any]
) -> None:
    with pytest.raises(alerts.NoAssessment):
        alerts.close_alert(alert=alert, assessment=" ", by=people["doctor"], at=NOW)
    alerts.close_alert(alert=alert, assessment="Anxious.", by=people["doctor"], at=NOW)
    with pytest.raises(alerts.AlertIsClosed):
        alerts.acknowledge_alert(alert=alert, by=people["doctor"], at=NOW)

    later = NOW + timedelta(hours=1)
    run(ward.report(later, vitals=[pulse(80, later)]))
    again = later + timedelta(hours=1)
    run(ward.report(again, vitals=[pulse(150, again)]))

    assert [one.state for one in ward.patient_alerts()] == ["closed", "open"]


def staff(ward: Ward, people: dict[str, Any]) -> None:
    """Fill every hour of the rosters of the trial's sites."""
    by = {"by": people["monitor"], "at": NOW}
    for site, person in zip(ward.world.sites[:2], ("doctor", "elsewhere"), strict=True):
        for line in DutyLine:
            put_on_duty(site=site, person=people[person], phone="1", line=line, **by)


def test_a_rule_is_in_force_only_after_its_own_dry_run(ward: Ward, people: dict[str, Any]) -> None:
    by = {"by": people["monitor"], "at": NOW, "reason": "safety plan"}
    version = risk_rules.create_rule(
        trial=ward.world.trials[0],
        code="fast",
        name="Fast",
        kind="threshold",
        parameters={**DUE, **FAST},
        **by,
    )
    with pytest.raises(risk_rules.NotTried):
        risk_rules.activate_version(version=version, **by)
    tried = try_it(version, people)
    assert (tried.state, tried.patients_done) == ("finished", 4)
    changed = risk_rules.change_draft(version=version, parameters={**DUE, **FAST, "set": 125}, **by)
    assert (changed.state, changed.tried_at) == ("draft", None)
    with pytest.raises(risk_rules.NotTried):
        risk_rules.activate_version(version=version, **by)
    try_it(version, people)

    with pytest.raises(NotStaffed):
        risk_rules.activate_version(version=version, **by)
    staff(ward, people)
    active = risk_rules.activate_version(version=version, **by)

    assert (active.state, active.activated_by) == ("active", people["monitor"])
    with pytest.raises(NotPermitted):
        risk_rules.retire_version(version=version, **{**by, "by": people["coordinator"]})
    assert risk_rules.retire_version(version=version, **by).state == "retired"


def try_it(version: Any, people: dict[str, Any]) -> Any:
    version.refresh_from_db()
    begun = dry_runs.start_dry_run(version=version, by=people["monitor"], at=NOW)
    return dry_runs.continue_dry_run(run=begun, by=people["monitor"], at=NOW)


def test_a_dry_run_counts_what_would_have_fired_and_raises_nothing(
    ward: Ward, people: dict[str, Any]
) -> None:
    values = (130, 100, 140, 135, 100, 150)
    uploads = [
        ward.report(NOW + timedelta(minutes=n), vitals=[pulse(v, NOW + timedelta(minutes=n))])
        for n, v in enumerate(values)
    ]
    run(*uploads)
    version = risk_rules.create_rule(
        trial=ward.world.trials[0],
        code="fast",
        name="Fast",
        kind="threshold",
        parameters={**DUE, **FAST},
        by=people["monitor"],
        at=NOW,
        reason="plan",
    )

    tried = try_it(version, people)

    assert (tried.observations, tried.breaches, tried.alerts) == (6, 4, 3)
    assert tried.alerts_per_patient_day > 0
    assert not dry_runs.is_too_loud(tried)
    assert not ward.patient_alerts()


@pytest.mark.parametrize(("rate", "is_too_loud"), [(None, False), (2, False), (2.01, True)])
def test_more_than_two_alerts_for_a_patient_and_day_are_too_many(
    rate: float | None, is_too_loud: bool
) -> None:
    assert dry_runs.is_too_loud(RiskRuleDryRun(alerts_per_patient_day=rate)) is is_too_loud


def test_what_fires_live_is_what_the_dry_run_counts(ward: Ward, people: dict[str, Any]) -> None:
    live = ward.rule("threshold", **FAST, worse_by=5)
    for n, value in enumerate((130, 100, 140, 146, 115, 100, 150, 90, 121)):
        at = NOW + timedelta(minutes=n)
        run(ward.report(at, vitals=[pulse(value, at)]))

    tried = try_it(live, people)

    assert live.activated_at is not None
    fired = [b.has_fired for a in ward.patient_alerts() for b in a.breaches.all()]
    assert (tried.breaches, tried.alerts) == (len(fired), fired.count(True))


def test_a_dry_run_can_be_stopped(ward: Ward, people: dict[str, Any]) -> None:
    version = ward.rule("threshold", **FAST)
    begun = dry_runs.start_dry_run(version=version, by=people["monitor"], at=NOW)
    with pytest.raises(dry_runs.RunningAlready):
        dry_runs.start_dry_run(version=version, by=people["monitor"], at=NOW)
    dry_runs.cancel_dry_run(run=begun, by=people["monitor"], at=NOW, reason="wrong rule")

    assert dry_runs.continue_dry_run(run=begun, by=people["monitor"], at=NOW).state == "canceled"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {**DUE, **FAST, "reset": 130},
        {**DUE, **FAST, "code": "consciousness"},
        {**DUE, **FAST, "item": "pain"},
        {**DUE, **FAST, "sett": 1},
    ],
)
def test_parameters_that_make_no_rule_are_refused(
    ward: Ward, people: dict[str, Any], parameters: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        risk_rules.create_rule(
            trial=ward.world.trials[0],
            code="fast",
            name="Fast",
            kind="threshold",
            parameters=parameters,
            by=people["monitor"],
            at=NOW,
            reason="plan",
        )


def test_a_sealed_report_is_shown_only_after_a_named_person_decided(
    ward: Ward, people: dict[str, Any]
) -> None:
    sealed = ward.report(vitals=[pulse(70)], _disposition="outside_consent")
    run(sealed)
    assert not vital_signs().filter(report=sealed).exists()
    assert VitalSign.objects.filter(report=sealed).exists()
    with pytest.raises(NotPermitted):
        processing.decide_outside_consent(
            report=sealed, may_be_used=True, by=people["cra"], at=NOW, reason="Signed."
        )

    processing.decide_outside_consent(
        report=sealed, may_be_used=True, by=people["doctor"], at=NOW, reason="Signed."
    )

    assert vital_signs().filter(report=sealed).exists()
    assert not outside_consent().exists()


def test_a_failed_report_is_run_again_after_the_repair(ward: Ward, people: dict[str, Any]) -> None:
    failed = ward.report(_instrument=None, _instrument_version="9")
    run(failed)
    assert ReportProcessing.objects.get(report=failed).status == "failed"
    processing.run_again(upload=failed, by=people["doctor"], at=NOW, reason="imported")
    store_version("9")
    run(EproReport.objects.get(pk=failed.pk))

    done = ReportProcessing.objects.get(report=failed)
    assert (done.status, done.attempts, done.last_error) == ("processed", 2, "")


def test_a_physician_says_that_a_candidate_is_no_adverse_event(
    alert: Alert, people: dict[str, Any]
) -> None:
    for _ in range(2):
        suggest_candidate(alert_id=alert.pk, at=NOW)
    candidate = CandidateAdverseEvent.objects.get(alert=alert)
    with pytest.raises(NotPermitted):
        dismiss_candidate(candidate=candidate, by=people["coordinator"], at=NOW, reason="No event.")

    decided = dismiss_candidate(
        candidate=candidate, by=people["doctor"], at=NOW, reason="Exercise."
    )

    assert decided.state == "dismissed"
