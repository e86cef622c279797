"""From an upload to rows, scores, findings and what became of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patients.models import DataFinding, DiaryAnswer, ReportProcessing, Score, VitalSign
from portal.core.history import TRACKED
from portal.core.ids import PIPELINE_ACCOUNT
from portal.core.schemas import history_schema
from tests.patients.pipeline.uploads import ANSWERS, NOW, Ward, pulse, reading, run

FAST = {"code": "heart_rate", "direction": "above", "set": 120, "reset": 110}


def test_a_report_becomes_answers_readings_and_a_score(ward: Ward) -> None:
    report = ward.report(vitals=[pulse(72), reading("temperature", "98.6", "[degF]", NOW)])

    run(report)

    answers = dict(DiaryAnswer.objects.filter(report=report).values_list("item", "value"))
    assert answers == ANSWERS
    warm = VitalSign.objects.get(report=report, code="temperature")
    assert (warm.value, warm.unit, warm.original_value) == (Decimal("37"), "Cel", "98.6")
    assert (warm.trial_id, warm.site_id) == (ward.patient.trial_id, ward.patient.site_id)
    assert warm.measured_earliest == NOW
    score = Score.objects.get(report=report)
    assert (score.name, score.value, score.algorithm_version) == ("burden", Decimal(6), "1.0")
    done = ReportProcessing.objects.get(report=report)
    assert (done.status, done.attempts, done.last_error) == ("processed", 1, "")


def test_the_history_names_the_pipeline_and_its_version(ward: Ward) -> None:
    run(ward.report(vitals=[pulse(72)]))

    for model in (DiaryAnswer, VitalSign, Score, ReportProcessing):
        rows = TRACKED[model]._default_manager.filter(acted_by=PIPELINE_ACCOUNT)
        assert {row.acted_reason for row in rows} == {"pipeline 1.0"}, model


@pytest.mark.req("F51")
def test_a_second_delivery_changes_nothing(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    report = ward.report(vitals=[pulse(150)], answers={**ANSWERS, "self_harm": 2})
    run(report)
    before = everything()

    for _ in range(3):
        run(report)

    assert everything() == before


def everything() -> dict[str, int]:
    return {
        model._meta.label: history._default_manager.count()
        for model, history in TRACKED.items()
        if history_schema(model) == "audit"
    }


def test_a_missing_answer_keeps_its_reason(ward: Ward) -> None:
    given = {"pain": 3, "nausea": 1, "self_harm": 0}
    report = ward.report(answers=given, missing={"fatigue": "declined"})

    run(report)

    assert DiaryAnswer.objects.get(report=report, item="fatigue").missing_reason == "declined"
    score = Score.objects.get(report=report)
    assert (score.value, score.missing) == (None, ["fatigue"])


def test_an_answer_that_does_not_fit_is_kept_and_found(ward: Ward) -> None:
    report = ward.report(answers={**ANSWERS, "pain": 99})

    run(report)

    assert DiaryAnswer.objects.get(report=report, item="pain").value == 99
    found = DataFinding.objects.get(rule="answer_does_not_fit")
    assert (found.occurrences, found.owner_role) == (1, "study_coordinator")
    run(ward.report(NOW + timedelta(days=1), answers={**ANSWERS, "pain": 98}))
    found.refresh_from_db()
    assert found.occurrences == 2


def test_an_implausible_reading_is_stored_flagged_told_and_judged_by_no_rule(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    report = ward.report(vitals=[pulse(999), pulse(70)])

    run(report)

    flags = dict(VitalSign.objects.filter(report=report).values_list("value", "flags"))
    assert flags == {Decimal(999): ["implausible"], Decimal(70): []}
    assert DataFinding.objects.filter(rule="implausible_reading").count() == 1
    assert not ward.patient_alerts()


def test_a_clock_ahead_is_suspect_and_an_old_reading_late(ward: Ward) -> None:
    report = ward.report(
        vitals=[pulse(70, NOW + timedelta(minutes=5)), pulse(71, NOW - timedelta(hours=2))]
    )

    run(report)

    flags = dict(VitalSign.objects.filter(report=report).values_list("value", "flags"))
    assert flags == {Decimal(70): ["clock_suspect"], Decimal(71): ["late"]}


def test_a_reading_from_a_device_held_by_another_reaches_nothing(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    ward.rule("duplicate_device")
    report = ward.report(vitals=[pulse(150), pulse(70)], _foreign_readings=[0])

    run(report)

    assert [one.value for one in VitalSign.objects.filter(report=report)] == [70]
    assert [one.kind for one in ward.patient_alerts()] == ["duplicate_device"]


@pytest.mark.req("F53")
def test_a_report_of_an_unknown_version_fails_with_a_reason_and_its_readings_are_kept(
    ward: Ward,
) -> None:
    report = ward.report(
        instrument_version="9", vitals=[pulse(72)], _instrument=None, _instrument_version="9"
    )

    run(report)

    done = ReportProcessing.objects.get(report=report)
    assert done.status == "failed"
    assert "Version 9 of the instrument daily-diary" in done.last_error
    assert VitalSign.objects.filter(report=report).count() == 1
    assert not DiaryAnswer.objects.filter(report=report).exists()


def test_what_cannot_be_read_fails_alone(ward: Ward) -> None:
    broken, good = ward.report(_raw=b"{"), ward.report()

    run(broken, good)

    states = dict(ReportProcessing.objects.values_list("report", "status"))
    assert states[broken.pk] == "failed"
    assert states[good.pk] == "processed"


def test_a_character_that_no_column_can_hold_stops_no_report(ward: Ward) -> None:
    report = ward.report(answers={**ANSWERS, "note": "a\x00b"})

    run(report)

    assert DiaryAnswer.objects.get(report=report, item="note").value == "a\ufffdb"


def test_a_chunk_takes_the_same_number_of_statements_whatever_its_size(ward: Ward) -> None:
    ward.rule("threshold", **FAST)
    few = [ward.report(NOW, vitals=[pulse(70)])]
    many = [
        ward.report(NOW + timedelta(minutes=n), patient=patient, vitals=[pulse(70 + n)])
        for n, patient in enumerate(ward.world.patients[:4] * 5, 1)
    ]
    run(ward.report(NOW - timedelta(days=1), vitals=[pulse(70)]))

    with CaptureQueriesContext(connection) as one:
        run(*few)
    with CaptureQueriesContext(connection) as twenty:
        run(*many)

    assert len(twenty) == len(one) <= 25
