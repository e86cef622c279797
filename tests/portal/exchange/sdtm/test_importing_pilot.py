"""The published pilot study, imported once: 306 people who really were in a trial."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, Q

from events.models import AdverseEvent, RelatedRecord
from patients.models import (
    Allocation,
    Coding,
    DataFinding,
    DispositionEvent,
    Exposure,
    LabResult,
    MedicalHistory,
    Medication,
    Patient,
    ProtectedFinding,
    ProtectedSourceRecord,
    QuestionnaireResult,
    SourceFile,
    SourceRecord,
    Visit,
    VitalSign,
)
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.core.ids import IMPORT_ACCOUNT
from portal.exchange.sdtm.importing.study import Choices, import_study
from portal.exchange.sdtm.importing.summary import Summary
from portal.exchange.sdtm.reading.folder import read_folder
from trials.models import Arm, Criterion, Site, Trial, VisitPlan
from trials.vocabulary import Phase

AT = datetime(2026, 1, 2, tzinfo=UTC)


def imported(folder: Path) -> Summary:
    by = User.objects.get(pk=IMPORT_ACCOUNT)
    return import_study(read_folder(folder), Choices(), by=by, at=AT)


@pytest.fixture(scope="module")
def pilot(real_data: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[Summary]:
    """The whole study, rolled back when the module is done."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield imported(real_data / "cdisc_pilot")
        transaction.set_rollback(True)


def test_people_sites_and_plan(pilot: Summary) -> None:
    assert (Patient.objects.count(), Site.objects.count()) == (306, 17)
    assert (Arm.objects.count(), VisitPlan.objects.count(), Criterion.objects.count()) == (
        3,
        21,
        31,
    )
    trial = Trial.objects.get()
    assert (trial.number, trial.phase, trial.is_blinded) == ("CDISCPILOT01", Phase.PHASE_2, True)


def test_every_domain_arrives_whole(pilot: Summary) -> None:
    models = (VitalSign, AdverseEvent, Medication, MedicalHistory, LabResult, QuestionnaireResult)
    assert [model.objects.count() for model in models] == [
        29_643,
        1_191,
        7_510,
        1_818,
        37_653,
        5_388,
    ]
    assert [model.objects.count() for model in (Visit, Exposure, DispositionEvent)] == [
        3_559,
        591,
        596,
    ]
    assert RelatedRecord.objects.exclude(record_id=None).count() == 234


def test_every_row_is_a_source_record_in_one_place_or_the_other(pilot: Summary) -> None:
    assert (SourceFile.objects.count(), pilot.rows) == (24, 91_986)
    assert SourceRecord.objects.count() == 91_986 - 752
    with unblinded():
        assert ProtectedSourceRecord.objects.count() == 306 + 591 + 752
        assert Allocation.objects.count() == 254


def test_every_clinical_row_names_its_file_and_row(pilot: Summary) -> None:
    assert not VitalSign.objects.filter(source_record=None).exists()
    assert not LabResult.objects.filter(source_record=None).exists()
    reading = VitalSign.objects.filter(original_unit="LB").earliest("id")
    assert reading.source_record is not None
    assert reading.source_record.variables["VSORRES"] == reading.original_value


def test_vital_signs_are_converted(pilot: Summary) -> None:
    converted = VitalSign.objects.exclude(conversion_factor="")
    assert dict(converted.values_list("original_unit").annotate(Count("id"))) == {
        "F": 2_713,
        "LB": 2_049,
        "in": 245,
    }
    assert VitalSign.objects.exclude(not_done_reason="").count() == 8
    assert VitalSign.objects.filter(visit=None).count() == 0


def test_participation_is_derived_from_the_dispositions(pilot: Summary) -> None:
    assert dict(Patient.objects.values_list("participation").annotate(Count("id"))) == {
        "completed": 110,
        "screen_failed": 52,
        "discontinued": 142,
        "lost_to_follow_up": 2,
    }
    assert Patient.objects.filter(vital_status="dead").count() == 3


def test_treatment_emergence_is_computed_and_undecided_where_it_must_be(pilot: Summary) -> None:
    assert dict(AdverseEvent.objects.values_list("treatment_emergent").annotate(Count("id"))) == {
        "yes": 1_098,
        "no": 65,
        "cannot_tell": 28,
    }


def test_computed_seriousness_covers_all_deaths(pilot: Summary) -> None:
    assert AdverseEvent.objects.filter(is_serious=True).count() == 39
    assert AdverseEvent.objects.filter(serious_as_reported="yes").count() == 3
    assert AdverseEvent.objects.filter(is_serious=True, outcome="fatal").count() == 3


def test_partial_onsets_stay_partial(pilot: Summary) -> None:
    partial = [e for e in AdverseEvent.objects.all() if e.onset is not None and e.onset.is_partial]
    assert len(partial) == 26


def test_codings_name_the_release_of_the_define(pilot: Summary) -> None:
    assert dict(Coding.objects.values_list("release").annotate(Count("id"))) == {
        "8.0": 1_191 + 1_564,
        "200604": 1_425,
    }


@pytest.mark.parametrize(
    ("rule", "occurrences"),
    [
        ("seriousness_criterion_without_serious_flag", 36),
        ("end_date_while_not_recovered", 250),
        ("planned_arm_differs_from_actual", 0),  # protected: a blinded import counts none
        ("onset_undecidable_against_first_dose", 28),
        ("implausible_jump", 6),
        ("exposure_never_ended", 6),
        ("causality_missing", 4),
        ("started_after_it_was_recorded", 3),
        ("bytes_not_declared_encoding", 3),
        ("visit_out_of_planned_order", 2),
        ("dated_after_death", 1),
        ("study_day_differs", 1),
        ("visit_claims_plan_it_does_not_fit", 0),
        ("unknown_subject", 0),
        ("outside_physical_limits", 0),
        ("duplicate_key", 0),
    ],
)
def test_each_rule_fires_as_often_as_the_data_deserve(
    pilot: Summary, rule: str, occurrences: int
) -> None:
    assert pilot.occurrences(rule) == occurrences


def test_real_contradictions_are_not_buried(pilot: Summary) -> None:
    assert DataFinding.objects.filter(severity="safety").count() == 36
    assert DataFinding.objects.count() < 200
    assert not DataFinding.objects.filter(Q(record_id=None) | Q(data_point=None)).exists()
    with unblinded():
        assert ProtectedFinding.objects.count() == 12


def test_conversions_and_partial_dates_are_counted_not_found(pilot: Summary) -> None:
    expected = {
        "partial dates": 6_132,
        "unscheduled visits": 122,
        "vital signs converted": 5_007,
        "laboratory results converted": 24_189,
        "subjects without a consent date": 306,
        "weight given in kg": 1,
        "height given in cm": 9,
    }
    assert {name: pilot.provenance[name] for name in expected} == expected


@pytest.mark.django_db
def test_japanese_terms_of_a_dataset_json_arrive(real_data: Path, tmp_path: Path) -> None:
    shutil.copy(real_data / "cdisc_pilot" / "sdtm" / "dm.xpt", tmp_path)
    shutil.copy(real_data / "dataset_json" / "examples_i18n" / "ae.json", tmp_path)
    summary = imported(tmp_path)
    assert AdverseEvent.objects.count() == 1_191
    assert any(
        "\u3040" <= letter <= "\u9fff"
        for term in AdverseEvent.objects.values_list("term", flat=True)
        for letter in term
    )
    assert summary.occurrences("unknown_subject") == 0


@pytest.mark.django_db
def test_data_of_animals_are_imported_as_far_as_they_go(real_data: Path, tmp_path: Path) -> None:
    for name in ("dm", "bw", "cl", "ex", "ta", "te", "ts", "tx"):
        shutil.copy(real_data / "dataset_json" / "examples_send" / f"{name}.json", tmp_path)
    summary = imported(tmp_path)
    assert Patient.objects.count() == 4
    assert {d.name for d in summary.datasets if not d.has_records} >= {"BW", "CL"}
    assert SourceRecord.objects.filter(file__dataset="BW").count() == 44
