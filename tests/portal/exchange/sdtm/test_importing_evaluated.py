"""An import is history: it alerts nobody, unless somebody asks the rules to look at it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from patients.models import Alert, AlertBreach, RiskRule, RiskRuleVersion, VitalSign
from patients.pipeline import stored
from patients.pipeline.chunk import lock_patients
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.portal.exchange.sdtm.test_importing import run, vital
from trials.models import Trial

pytestmark = pytest.mark.django_db
Study = Callable[..., Path]


@pytest.fixture
def folder(study: Study) -> Path:
    """Three weights of one patient: two beyond the rule's level, one between them."""
    weights = [
        ("172", 78.0, "2020-03-02"),
        ("190", 86.2, "2020-03-09"),
        ("191", 86.6, "2020-03-16"),
    ]
    return study(
        vs=[
            vital(VSSEQ=number, VSORRES=text, VSSTRESN=value, VSDTC=day)
            for number, (text, value, day) in enumerate(weights, 1)
        ]
    )


def heavy(trial: Trial) -> RiskRuleVersion:
    """Put a rule into force after everything was imported."""
    said = {"code": "weight", "direction": "above", "set": 85, "reset": 80}
    now = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        rule = RiskRule.objects.create(trial=trial, code="heavy", name="Heavy", kind="threshold")
        return RiskRuleVersion.objects.create(
            trial=trial,
            rule=rule,
            number=1,
            parameters={"acknowledge_within_minutes": 30, **said},
            state="active",
            tried_at=now,
            activated_at=now,
            activated_by_id=SYSTEM_ACCOUNT,
            evaluates_from=now,
        )


def test_an_import_alerts_nobody_and_neither_does_a_rule_that_comes_later(folder: Path) -> None:
    run(folder)
    heavy(Trial.objects.get(number="T1"))
    assert run(folder).is_unchanged
    assert not Alert.objects.exists()


def test_asked_for_the_rules_look_at_what_was_imported(folder: Path) -> None:
    first = run(folder, is_evaluated=True)
    assert first.evaluation is not None
    assert (first.evaluation.rules, first.evaluation.alerts) == (0, 0)
    heavy(Trial.objects.get(number="T1"))

    again = run(folder, is_evaluated=True)
    assert again.evaluation is not None
    assert (again.evaluation.rules, again.evaluation.patients, again.evaluation.alerts) == (1, 1, 1)
    alert = Alert.objects.get()
    assert (alert.reported_late, alert.facts["set"]) == (True, "85")
    assert AlertBreach.objects.filter(alert=alert, withdrawn_at=None).count() == 2


def test_nothing_fires_a_second_time(folder: Path) -> None:
    run(folder)
    heavy(Trial.objects.get(number="T1"))
    run(folder, is_evaluated=True)
    before = list(AlertBreach.objects.order_by("pk").values())
    again = run(folder, is_evaluated=True)
    assert again.evaluation is not None
    assert again.evaluation.alerts == 0
    assert list(AlertBreach.objects.order_by("pk").values()) == before


def test_a_later_look_at_the_series_takes_nothing_back(folder: Path) -> None:
    run(folder)
    heavy(Trial.objects.get(number="T1"))
    run(folder, is_evaluated=True)
    reading = VitalSign.objects.first()
    assert reading is not None
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        at = lock_patients([reading.patient_id])
        stored.evaluate_readings([reading.pk], at)
    assert AlertBreach.objects.filter(withdrawn_at=None).count() == 2
    assert Alert.objects.count() == 1


def test_the_command_says_what_the_rules_found(
    folder: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    call_command("import_sdtm", str(folder), "--evaluate")
    assert "No rule is in force" in capsys.readouterr().out
    heavy(Trial.objects.get(number="T1"))
    call_command("import_sdtm", str(folder), "--evaluate")
    assert "1 rules looked at the readings of 1 patients: 1 alerts." in capsys.readouterr().out
