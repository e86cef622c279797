"""One small study into the database: everything or nothing, nothing invented, nothing lost."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from events.models import AdverseEvent, AdverseEventVersion, CausalityAssessment
from patients.models import (
    DataFinding,
    LabResult,
    MedicalHistory,
    Patient,
    SourceFile,
    SourceRecord,
    Visit,
    VitalSign,
)
from portal.accounts.models import User
from portal.core.ids import IMPORT_ACCOUNT
from portal.exchange.sdtm.importing.study import (
    Choices,
    ImportFailed,
    SubjectsMissing,
    TrialNumberTaken,
    import_study,
)
from portal.exchange.sdtm.importing.summary import Summary
from portal.exchange.sdtm.reading.folder import read_folder
from trials.models import Site, Trial, VisitPlan
from trials.vocabulary import Blinding, SiteStatus

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Study = Callable[..., Path]


def run(folder: Path, **choices: Any) -> Summary:
    by = User.objects.get(pk=IMPORT_ACCOUNT)
    return import_study(read_folder(folder), Choices(**choices), by=by, at=AT)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "STUDYID": "T1",
        "DOMAIN": "AE",
        "USUBJID": "S-1",
        "AESEQ": 1,
        "AETERM": "HEADACHE",
        "AESER": "N",
        "AESDTH": "N",
        "AESHOSP": "N",
        "AEREL": "POSSIBLE",
        "AEOUT": "RECOVERED/RESOLVED",
        "AESTDTC": "2020-03-05",
        "AEENDTC": "2020-03-06",
    } | changes


def vital(**changes: Any) -> dict[str, Any]:
    return {
        "STUDYID": "T1",
        "DOMAIN": "VS",
        "USUBJID": "S-1",
        "VSSEQ": 1,
        "VSTESTCD": "WEIGHT",
        "VSORRES": "172",
        "VSORRESU": "LB",
        "VSSTRESN": 78.02,
        "VSSTRESU": "kg",
        "VSSTAT": "",
        "VSPOS": "",
        "VSDTC": "2020-03-02",
    } | changes


def rules() -> set[str]:
    return set(DataFinding.objects.values_list("rule", flat=True))


def test_a_subject_becomes_a_patient_at_a_closed_site(study: Study) -> None:
    run(study(), zone="Europe/Paris")
    patient = Patient.objects.get()
    assert (patient.usubjid, patient.subject_number, patient.sex) == ("S-1", "S-1", "F")
    assert (patient.age, patient.age_unit, patient.races) == (Decimal(50), "years", ["WHITE"])
    site = Site.objects.get()
    assert (site.code, site.status, site.time_zone) == ("01", SiteStatus.CLOSED, "Europe/Paris")
    assert patient.site == site


def test_without_a_zone_the_sites_zone_is_unknown(study: Study) -> None:
    run(study())
    assert Site.objects.get().time_zone is None


def test_the_trial_is_named_by_its_summary(study: Study) -> None:
    parameters = {"TITLE": "A trial", "TPHASE": "PHASE II/III TRIAL", "TBLIND": "OPEN LABEL"}
    run(
        study(
            ts=[
                {"STUDYID": "T1", "DOMAIN": "TS", "TSSEQ": 1, "TSPARMCD": code, "TSVAL": value}
                for code, value in parameters.items()
            ]
        )
    )
    trial = Trial.objects.get()
    assert (trial.number, trial.title, trial.phase) == ("T1", "A trial", "phase_2_3")
    assert (trial.blinding, trial.is_imported) == (Blinding.OPEN, True)


def test_a_trial_that_does_not_say_is_taken_as_double_blind(study: Study) -> None:
    run(study())
    assert Trial.objects.get().is_blinded


def test_every_row_is_kept_and_traceable(study: Study) -> None:
    run(study(vs=[vital()]))
    reading = VitalSign.objects.get()
    assert reading.source_record is not None
    assert reading.source_record.row_number == 1
    assert reading.source_record.variables["VSORRES"] == "172"
    file = reading.source_record.file
    assert (file.name, file.dataset, file.row_count) == ("vs.xpt", "VS", 1)
    assert [v["name"] for v in file.variables][:2] == ["STUDYID", "DOMAIN"]


def test_a_reading_is_stored_as_given_and_canonical(study: Study) -> None:
    run(study(vs=[vital()]))
    reading = VitalSign.objects.get()
    assert (reading.original_value, reading.original_unit) == ("172", "LB")
    assert (reading.value, reading.unit) == (Decimal("78.017888"), "kg")
    assert reading.conversion_factor == "0.45359237"
    assert (reading.measured.text, reading.measured.zone) == ("2020-03-02", None)


def test_a_reading_not_done_has_a_reason_and_no_value(study: Study) -> None:
    run(study(vs=[vital(VSORRES="", VSORRESU="", VSSTRESN=None, VSSTAT="NOT DONE")]))
    reading = VitalSign.objects.get()
    assert (reading.value, reading.not_done_reason) == (None, "not done")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"VSORRESU": "cm"}, "unit_not_accepted"),
        ({"VSORRES": "heavy"}, "result_not_numeric"),
        ({"VSDTC": "2020-02-30"}, "date_unreadable"),
        ({"VSPOS": "ON HIS HEAD"}, "term_not_in_codelist"),
        ({"VSSTRESN": 60.0}, "standard_result_differs"),
    ],
)
def test_an_ugly_reading_is_kept_and_reported(
    study: Study, changes: dict[str, Any], rule: str
) -> None:
    run(study(vs=[vital(**changes)]))
    assert VitalSign.objects.count() == 1
    assert rules() == {rule}


def test_an_impossible_reading_is_flagged(study: Study) -> None:
    run(study(vs=[vital(VSORRES="9000", VSSTRESN=None, VSSTRESU="")]))
    assert VitalSign.objects.get().flags == ["implausible"]
    assert rules() == {"outside_physical_limits"}


def test_a_jump_in_weight_names_both_readings(study: Study) -> None:
    later = vital(VSSEQ=2, VSORRES="98", VSSTRESN=44.45, VSDTC="2020-03-09")
    run(study(vs=[vital(), later]))
    finding = DataFinding.objects.get()
    assert finding.rule == "implausible_jump"
    assert finding.message == (
        "weight changed from 78.0 to 44.5 kg between 2020-03-02 and 2020-03-09."
    )
    assert finding.data_point is not None
    assert finding.record_id == VitalSign.objects.get(imported_sequence=2).pk


def test_a_cuff_that_contradicts_itself_is_reported(study: Study) -> None:
    cuff = {"VSGRPID": "1", "VSORRESU": "mmHg", "VSSTRESU": "mmHg"}
    run(
        study(
            vs=[
                vital(VSTESTCD="SYSBP", VSORRES="80", VSSTRESN=80.0, **cuff),
                vital(VSTESTCD="DIABP", VSORRES="120", VSSTRESN=120.0, **cuff, VSSEQ=2),
            ]
        )
    )
    assert rules() == {"diastolic_not_below_systolic"}


def test_dates_stay_as_partial_as_they_are(study: Study) -> None:
    run(study(ae=[event(AESTDTC="2020-03", AEENDTC="2020---17")]))
    adverse_event = AdverseEvent.objects.get()
    assert (adverse_event.onset.text, adverse_event.resolved.text) == ("2020-03", "2020---17")
    assert adverse_event.treatment_emergent in ("cannot_tell", "no")


def test_the_computed_seriousness_stands_beside_the_reported_one(study: Study) -> None:
    run(study(ae=[event(AESHOSP="Y")]))
    adverse_event = AdverseEvent.objects.get()
    assert adverse_event.is_serious
    assert adverse_event.serious_as_reported == "no"
    assert rules() == {"seriousness_criterion_without_serious_flag"}


def test_safety_findings_stand_alone_and_others_of_a_patient_group(study: Study) -> None:
    events = [event(AESEQ=n, AESHOSP="Y", AEOUT="NOT RECOVERED/NOT RESOLVED") for n in range(1, 4)]
    summary = run(study(ae=events))
    safety = DataFinding.objects.filter(severity="safety")
    other = DataFinding.objects.get(rule="end_date_while_not_recovered")
    assert (safety.count(), other.occurrences, len(other.facts["occurrences"])) == (3, 3, 3)
    assert summary.occurrences("end_date_while_not_recovered") == 3


def test_an_event_has_its_first_version_and_the_investigators_judgment(study: Study) -> None:
    run(study(ae=[event()]))
    assert AdverseEventVersion.objects.get().stated["term"] == "HEADACHE"
    assert CausalityAssessment.objects.get().value == "possible"


def test_a_death_without_a_fatal_event_is_a_safety_finding(
    study: Study, subjects: Callable[..., dict[str, Any]]
) -> None:
    run(study(dm=[subjects(DTHFL="Y", DTHDTC="2020-04")], ae=[event()]))
    assert Patient.objects.get().vital_status == "dead"
    assert "death_without_fatal_event" in rules()


def test_a_result_below_the_limit_never_becomes_a_number_of_its_own(study: Study) -> None:
    run(
        study(
            lb=[
                {
                    "STUDYID": "T1",
                    "DOMAIN": "LB",
                    "USUBJID": "S-1",
                    "LBSEQ": 1,
                    "LBTESTCD": "BILI",
                    "LBTEST": "Bilirubin",
                    "LBORRES": "<0.2",
                    "LBORRESU": "mg/dL",
                    "LBSTRESC": "<3.42",
                    "LBSTRESU": "umol/L",
                    "LBDTC": "2020-03-02T08:30",
                }
            ]
        )
    )
    result = LabResult.objects.get()
    assert (result.original_value, result.comparator) == ("<0.2", "<")
    assert (result.value, result.unit) == (Decimal("3.42"), "umol/L")


def test_a_visit_that_misfits_the_plan_claims_none(study: Study) -> None:
    planned = {"STUDYID": "T1", "DOMAIN": "TV", "VISITNUM": 3, "VISIT": "WEEK 2", "VISITDY": 14}
    held = {"STUDYID": "T1", "DOMAIN": "SV", "USUBJID": "S-1", "SVSTDTC": "2020-03-14"}
    names = {3: "WEEK 2", 3.1: "UNSCHEDULED 3.1", 4: "WEEK 4"}
    run(
        study(
            tv=[planned],
            sv=[held | {"VISITNUM": float(n), "VISIT": name} for n, name in names.items()],
        )
    )
    assert VisitPlan.objects.count() == 1
    assert dict(Visit.objects.values_list("name", "kind")) == {
        "WEEK 2": "planned",
        "UNSCHEDULED 3.1": "unscheduled",
        "WEEK 4": "planned",
    }
    assert list(Visit.objects.filter(plan=None).values_list("name", flat=True)) == [
        "UNSCHEDULED 3.1",
        "WEEK 4",
    ]
    finding = DataFinding.objects.get()
    assert finding.message == "Visit WEEK 4 does not fit the plan: the plan has no visit number 4."


def test_a_row_of_an_unknown_subject_is_kept_without_a_patient(study: Study) -> None:
    run(study(ae=[event(USUBJID="S-9")]))
    kept = SourceRecord.objects.get(file__dataset="AE")
    assert (kept.patient, kept.variables["AETERM"]) == (None, "HEADACHE")
    assert AdverseEvent.objects.count() == 0
    assert rules() == {"unknown_subject"}


def test_a_key_that_repeats_is_reported_and_both_rows_are_kept(study: Study) -> None:
    run(study(vs=[vital(), vital()]))
    assert VitalSign.objects.count() == 2
    assert rules() == {"duplicate_key"}


def test_a_text_that_is_too_long_is_cut_whole_in_the_source(study: Study) -> None:
    condition = {"STUDYID": "T1", "DOMAIN": "MH", "USUBJID": "S-1", "MHSEQ": 1}
    run(study(mh=[condition | {"MHTERM": "x" * 250}]))
    assert MedicalHistory.objects.get().term == "x" * 200
    assert SourceRecord.objects.get(file__dataset="MH").variables["MHTERM"] == "x" * 250
    assert rules() == {"text_too_long"}


@pytest.mark.parametrize("term", ["tab\there", "back\\slash \\N", "new\nline", "頭痛 ☂"])
def test_any_character_survives(study: Study, term: str) -> None:
    run(study(ae=[event(AETERM=term)]))
    assert AdverseEvent.objects.get().term == term
    assert SourceRecord.objects.get(file__dataset="AE").variables["AETERM"] == term


def test_a_pointer_to_nothing_is_reported(study: Study) -> None:
    pointer = {"STUDYID": "T1", "RDOMAIN": "AE", "USUBJID": "S-1", "IDVAR": "AESEQ"}
    qualifier = pointer | {"IDVARVAL": "7", "QNAM": "X", "QVAL": "Y"}
    run(study(ae=[event()], suppae=[qualifier]))
    assert rules() == {"related_record_missing"}


def test_the_same_folder_again_changes_nothing(study: Study) -> None:
    folder = study(vs=[vital()])
    run(folder)
    before = SourceRecord.objects.count()
    assert run(folder).is_unchanged
    assert (Trial.objects.count(), SourceRecord.objects.count()) == (1, before)


def test_other_data_under_the_same_number_ask_for_another(study: Study) -> None:
    folder = study()
    run(folder)
    study(vs=[vital()])
    with pytest.raises(TrialNumberTaken, match="--trial"):
        run(folder)
    run(folder, trial_number="T1-B")
    assert set(Trial.objects.values_list("number", flat=True)) == {"T1", "T1-B"}


def test_a_dry_run_leaves_nothing(study: Study) -> None:
    summary = run(study(vs=[vital()]), is_dry_run=True)
    assert (summary.is_dry_run, summary.rows) == (True, 2)
    assert (Trial.objects.count(), SourceFile.objects.count()) == (0, 0)


def test_a_folder_without_subjects_is_refused(study: Study) -> None:
    folder = study(vs=[vital()])
    (folder / "dm.xpt").unlink()
    with pytest.raises(SubjectsMissing):
        run(folder)


def test_what_the_database_refuses_names_file_and_row_and_leaves_nothing(
    study: Study, subjects: Callable[..., dict[str, Any]]
) -> None:
    # Two identifiers that are equal as far as there is room for them.
    twins = [subjects("S" * 100 + letter, SUBJID=letter) for letter in "AB"]
    with pytest.raises(ImportFailed) as caught:
        run(study(dm=twins))
    assert caught.value.row is not None
    assert "nothing was imported" in caught.value.detail
    assert Trial.objects.count() == 0


def test_history_names_the_import_and_its_digest(study: Study) -> None:
    from portal.core.history import TRACKED

    folder = study(vs=[vital()])
    run(folder)
    row = TRACKED[VitalSign].objects.get()
    assert (row.acted_by, row.acted_source) == (IMPORT_ACCOUNT, "import")
    assert read_folder(folder).digest in row.acted_reason
