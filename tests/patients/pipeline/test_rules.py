"""Rules and alerts: what fires, what appends, whatever order the uploads come in."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients.models import Alert, AlertBreach, DiaryAnswer, Score, VitalSign
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.patients.pipeline.uploads import ANSWERS, NOW, Ward, pulse, run

FAST = {"code": "heart_rate", "direction": "above", "set": 120, "reset": 110}


def at(minutes: int) -> Any:
    return NOW + timedelta(minutes=minutes)


def report(ward: Ward, minutes: int, value: Any, **more: Any) -> Any:
    return ward.report(at(minutes), vitals=[pulse(value, at(minutes))], **more)


def breaches(ward: Ward) -> list[tuple[str, str, bool]]:
    """Return what stands: the rule, the value and whether it fired."""
    rows = AlertBreach.objects.filter(patient=ward.patient, withdrawn_at=None)
    return sorted(
        (row.rule_version.rule.name, row.facts.get("value", ""), row.has_fired)
        for row in rows.select_related("rule_version__rule")
    )


def test_a_value_beyond_the_threshold_raises_one_alert_that_names_rule_and_value(
    ward: Ward,
) -> None:
    version = ward.rule("threshold", **FAST)

    run(report(ward, 0, 119), report(ward, 10, 130), report(ward, 20, 125))

    (alert,) = ward.patient_alerts()
    assert (alert.rule_version_id, alert.kind, alert.is_medical) == (version.pk, "threshold", True)
    assert alert.facts == {
        "code": "heart_rate",
        "unit": "/min",
        "value": "130",
        "judged": "130",
        "set": "120",
    }
    assert alert.due_at == alert.raised_at + timedelta(minutes=30)
    assert breaches(ward) == [("threshold", "125", False), ("threshold", "130", True)]


def test_nothing_fires_again_before_the_reset_value(ward: Ward) -> None:
    ward.rule("threshold", **FAST)

    for minutes, value in enumerate((130, 115, 130, 105, 130)):
        run(report(ward, minutes, value))

    assert [fired for _rule, _value, fired in breaches(ward)].count(True) == 2
    assert len(ward.patient_alerts()) == 1


def test_a_level_counts_only_after_its_minimum_duration(ward: Ward) -> None:
    ward.rule("threshold", **FAST, minimum_minutes=30)

    run(report(ward, 0, 130))
    run(report(ward, 20, 140))
    assert not ward.patient_alerts()
    run(report(ward, 31, 135))

    assert breaches(ward) == [("threshold", "135", True)]


def test_a_change_is_measured_from_the_patients_own_baseline(ward: Ward) -> None:
    ward.rule("change", code="heart_rate", direction="above", set=30, reset=20, baseline_count=2)

    for minutes, value in enumerate((60, 64, 90, 92)):
        run(report(ward, minutes, value))

    assert breaches(ward) == [("change", "92", True)]
    (alert,) = ward.patient_alerts()
    assert alert.facts["baseline"] == "62"


def test_a_jump_is_told_as_a_matter_of_data(ward: Ward) -> None:
    ward.rule("jump", code="heart_rate", limit=60, within_minutes=10)

    run(report(ward, 0, 60), report(ward, 5, 130), report(ward, 60, 60))

    (alert,) = ward.patient_alerts()
    assert (alert.kind, alert.is_medical, alert.facts["previous"]) == ("jump", False, "60")


def test_worse_by_a_step_fires_again_and_opens_an_acknowledged_alert(ward: Ward) -> None:
    ward.rule("threshold", **FAST, worse_by=20)
    run(report(ward, 0, 125))
    (alert,) = ward.patient_alerts()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Alert.objects.filter(pk=alert.pk).update(
            state="acknowledged", acknowledged_at=NOW, acknowledged_by=SYSTEM_ACCOUNT
        )

    run(report(ward, 5, 130))
    alert.refresh_from_db()
    assert alert.state == "acknowledged"
    run(report(ward, 10, 150))

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by_id) == ("open", None)
    assert len(ward.patient_alerts()) == 1


def test_an_old_value_is_reported_late_once_and_a_new_one_is_acute(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    run(report(ward, -600, 130, _received_at=NOW), report(ward, -590, 131, _received_at=NOW))

    (alert,) = ward.patient_alerts()
    assert alert.reported_late
    assert [fired for _rule, _value, fired in breaches(ward)] == [True, False]
    run(report(ward, 0, 130))

    alert.refresh_from_db()
    assert not alert.reported_late


@pytest.mark.req("PRO-05")
def test_an_answer_to_a_safety_item_always_raises_an_alert_with_its_age(ward: Ward) -> None:
    """No rule was written, the patient is a child, the answer is three days old."""
    child = ward.world.patients[1]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        type(child).objects.filter(pk=child.pk).update(age=9)
    old = NOW - timedelta(days=3)
    sent = ward.report(old, patient=child, answers={**ANSWERS, "self_harm": 1}, _received_at=NOW)

    run(sent)

    alert = Alert.objects.get(patient=child, kind="answer")
    assert (alert.kind, alert.is_medical, alert.reported_late) == ("answer", True, True)
    assert alert.facts == {"item": "self_harm", "answer": 1}
    assert alert.observed_at == old
    run(ward.report(NOW, patient=child, answers={**ANSWERS, "self_harm": 2}))
    alert.refresh_from_db()
    assert not alert.reported_late
    assert AlertBreach.objects.filter(alert=alert, has_fired=True).count() == 2


def test_an_answer_that_cannot_be_understood_calls_somebody_too(ward: Ward) -> None:
    run(ward.report(answers={**ANSWERS, "self_harm": "yes"}))

    (alert,) = ward.patient_alerts()
    assert alert.facts == {"item": "self_harm", "answer": "yes"}


def test_rules_run_on_reports_outside_consent(ward: Ward) -> None:
    ward.rule("threshold", **FAST)

    run(report(ward, 0, 150, _disposition="outside_consent"))

    assert len(ward.patient_alerts()) == 1


def test_rows_that_were_there_before_the_rule_fire_nothing(ward: Ward) -> None:
    run(report(ward, 0, 150))
    version = ward.rule("threshold", **FAST)
    first = VitalSign.objects.get(patient=ward.patient, code="heart_rate")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        type(version).objects.filter(pk=version.pk).update(
            evaluates_from=first.created_at + timedelta(microseconds=1)
        )

    run(report(ward, -5, 151))

    assert breaches(ward) == [("threshold", "151", True)]


def test_children_are_not_judged_by_adult_thresholds(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        type(ward.patient).objects.filter(pk=ward.patient.pk).update(age=9)

    run(report(ward, 0, 150))

    assert not ward.patient_alerts()


SERIES = ((0, 100), (10, 130), (20, 115), (30, 128), (40, 100), (50, 140))


def final_state(ward: Ward) -> Any:
    signs = VitalSign.objects.filter(patient=ward.patient, code="heart_rate")
    return (
        breaches(ward),
        sorted(signs.values_list("value", "measured_earliest")),
        sorted(Score.objects.filter(patient=ward.patient).values_list("name", "value")),
        DiaryAnswer.objects.filter(patient=ward.patient).count(),
        len(ward.patient_alerts()),
    )


@pytest.mark.req("F52")
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(len(SERIES))), size=st.integers(1, 6))
def test_the_order_of_arrival_makes_no_difference(ward: Ward, order: list[int], size: int) -> None:
    def arrived(places: list[int], chunk: int) -> Any:
        save = transaction.savepoint()
        try:
            ward.rule("threshold", **FAST, minimum_minutes=5, worse_by=5)
            ward.rule("change", code="heart_rate", direction="above", set=25, reset=20)
            ward.rule("jump", code="heart_rate", limit=25, within_minutes=15)
            reports = [report(ward, *SERIES[place]) for place in places]
            for start in range(0, len(reports), chunk):
                run(*reports[start : start + chunk])
            return final_state(ward)
        finally:
            transaction.savepoint_rollback(save)

    in_order = arrived(sorted(order), 1)
    assert in_order[0]

    assert arrived(list(order), size)[:4] == in_order[:4]


def test_a_late_value_that_breaks_a_run_withdraws_what_was_found(ward: Ward) -> None:
    ward.rule("threshold", **FAST, minimum_minutes=30)
    run(report(ward, 0, 130))
    run(report(ward, 40, 130))
    assert len(breaches(ward)) == 1

    run(report(ward, 20, 100))

    assert breaches(ward) == []
    assert len(ward.patient_alerts()) == 1, "what people were told stays told"


def test_a_rule_has_one_open_alert_of_a_patient(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    run(report(ward, 0, 130))
    (alert,) = ward.patient_alerts()
    alert.pk = None
    alert.id = None

    with (
        pytest.raises(IntegrityError, match="one_open_alert_of_a_patient_and_rule"),
        transaction.atomic(),
        acting(by=SYSTEM_ACCOUNT, reason="test"),
    ):
        Alert(
            **{
                name: getattr(alert, name)
                for name in [
                    "patient_id",
                    "rule_id",
                    "rule_version_id",
                    "kind",
                    "observed_at",
                    "raised_at",
                    "last_fired_at",
                    "due_at",
                    "site_id",
                ]
            }
        ).save(force_insert=True)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "closed"}, "an_alert_is_closed_with_an_assessment"),
        ({"state": "acknowledged"}, "an_acknowledged_alert_names_who_has_it"),
        ({"acknowledged_at": NOW}, "alert_acknowledged_by_and_at"),
        ({"due_at": NOW - timedelta(days=9)}, "an_alert_is_due_after_it_was_raised"),
    ],
)
def test_the_database_refuses_an_alert_that_cannot_be(
    ward: Ward, change: dict[str, Any], constraint: str
) -> None:
    ward.rule("threshold", **FAST)
    run(report(ward, 0, 130))

    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        acting(by=SYSTEM_ACCOUNT, reason="test"),
    ):
        Alert.objects.update(**change)


def test_a_rule_in_force_is_never_rewritten(ward: Ward) -> None:
    version = ward.rule("threshold", **FAST)

    with (
        pytest.raises(IntegrityError, match="never rewritten"),
        transaction.atomic(),
        acting(by=SYSTEM_ACCOUNT, reason="test"),
    ):
        type(version).objects.filter(pk=version.pk).update(parameters={})


def test_every_order_of_three_is_the_same(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    found = set()
    for order in permutations(((0, 130), (10, 100), (20, 130))):
        save = transaction.savepoint()
        for minutes, value in order:
            run(report(ward, minutes, value))
        found.add(str(breaches(ward)))
        transaction.savepoint_rollback(save)

    assert len(found) == 1
