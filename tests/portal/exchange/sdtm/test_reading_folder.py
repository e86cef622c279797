"""A folder: what is found in it, its digest, and the one clear error when it cannot be read."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.exchange.sdtm.reading.dataset import (
    DatasetRepeated,
    FolderEmpty,
    FolderMissing,
    NotPermittedToRead,
    NotXpt,
    SubjectMissing,
)
from portal.exchange.sdtm.reading.folder import read_folder, read_rows
from tests.portal.exchange.sdtm.xpt_files import write_xpt

Study = Callable[..., Path]
LAB: dict[str, Any] = {"STUDYID": "T1", "DOMAIN": "LB", "USUBJID": "S-1", "LBSEQ": 1}


def test_datasets_are_found_in_every_folder_below(study: Study) -> None:
    folder = study(lbch=[LAB])
    write_xpt(folder / "more" / "deep" / "lbur.xpt", "LBUR", [LAB | {"LBSEQ": 2}])
    found = read_folder(folder)
    assert [d.relative_path for d in found.of_domain("LB")] == ["lbch.xpt", "more/deep/lbur.xpt"]


def test_other_files_are_listed_as_ignored(study: Study) -> None:
    folder = study()
    (folder / "readme.txt").write_text("x")
    (folder / "package.json").write_text("{}")
    assert read_folder(folder).ignored == ("package.json", "readme.txt")


def test_the_digest_changes_with_any_byte_and_any_name(study: Study) -> None:
    folder = study(lb=[LAB])
    first = read_folder(folder).digest
    assert read_folder(folder).digest == first
    (folder / "lb.xpt").rename(folder / "lb2.xpt")
    renamed = read_folder(folder).digest
    write_xpt(folder / "lb2.xpt", "LB", [LAB | {"LBSEQ": 2}])
    assert len({first, renamed, read_folder(folder).digest}) == 3


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing, match="nowhere"):
        read_folder(tmp_path / "nowhere")


def test_a_file_is_no_folder(study: Study) -> None:
    with pytest.raises(FolderMissing):
        read_folder(study() / "dm.xpt")


def test_a_folder_without_datasets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderEmpty):
        read_folder(tmp_path)


def test_a_file_that_is_only_named_xpt_stops_the_reading(study: Study) -> None:
    folder = study()
    (folder / "zz.xpt").write_text("hello")
    with pytest.raises(NotXpt, match=r"zz\.xpt"):
        read_folder(folder)


def test_the_same_dataset_twice_is_refused(study: Study) -> None:
    folder = study()
    shutil.copy(folder / "dm.xpt", folder / "copy.xpt")
    with pytest.raises(DatasetRepeated, match=r"copy\.xpt"):
        read_folder(folder)


def test_a_subject_level_dataset_without_subjects_is_refused(study: Study) -> None:
    with pytest.raises(SubjectMissing, match=r"lb\.xpt"):
        read_folder(study(lb=[{"STUDYID": "T1", "DOMAIN": "LB", "LBSEQ": 1}]))


def test_a_trial_design_dataset_needs_no_subject(study: Study) -> None:
    assert read_folder(study(ta=[{"STUDYID": "T1", "DOMAIN": "TA", "ARMCD": "A"}])).datasets


def test_a_row_without_its_subject_names_file_and_row(study: Study) -> None:
    (dataset,) = read_folder(study(lb=[LAB, LAB | {"USUBJID": ""}])).of_domain("LB")
    with pytest.raises(SubjectMissing) as caught:
        list(read_rows(dataset))
    assert (str(caught.value.path), caught.value.row) == ("lb.xpt", 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(study: Study) -> None:
    folder = study()
    (folder / "dm.xpt").chmod(0)
    with pytest.raises(NotPermittedToRead, match=r"dm\.xpt"):
        read_folder(folder)


def test_the_pilot_study_is_found_whole(real_data: Path) -> None:
    folder = read_folder(real_data / "cdisc_pilot")
    assert len(folder.datasets) == 24
    assert {d.name for d in folder.of_domain("LB")} == {"LBCH", "LBUR"}
    assert {d.name for d in folder.of_domain("QS")} == {"QSGI", "QSHI", "QSMM"}
    assert sum(dataset.row_count for dataset in folder.datasets) == 91_986
    assert {dataset.study for dataset in folder.datasets} == {"CDISCPILOT01"}


def test_the_cp1252_bytes_of_the_pilot_are_read_and_reported(real_data: Path) -> None:
    (summary,) = read_folder(real_data / "cdisc_pilot").of_domain("TS")
    (chunk,) = read_rows(summary)
    assert [(c.row, c.variable, c.read_as) for c in chunk.foreign_cells] == [
        (row, "TSVAL", "WINDOWS-1252") for row in (9, 14, 29)
    ]
    assert "Alzheimer\u2019s" in str(chunk.rows[8]["TSVAL"])


@pytest.mark.parametrize("name", ["cl.dsjc", "cl.json", "cl.ndjson", "cl.xpt"])
def test_the_four_forms_of_a_published_dataset_hold_the_same_rows(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    source = real_data / "dataset_json" / "examples_send"

    def rows(file: str) -> list[dict[str, Any]]:
        folder = tmp_path / file.replace(".", "_")
        folder.mkdir(exist_ok=True)
        shutil.copy(source / file, folder / file)
        (dataset,) = read_folder(folder).datasets
        return [
            {key: value or None for key, value in row.items()}
            for chunk in read_rows(dataset)
            for row in chunk.rows
        ]

    assert rows(name) == rows("cl.json")


def test_the_japanese_terms_are_read(real_data: Path) -> None:
    (dataset,) = read_folder(real_data / "dataset_json" / "examples_i18n").datasets
    rows = [row for chunk in read_rows(dataset) for row in chunk.rows]
    assert len(rows) == 1_191
    assert any("\u3040" <= letter <= "\u9fff" for row in rows for letter in str(row["AETERM"]))
