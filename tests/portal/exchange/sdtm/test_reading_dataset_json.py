"""Dataset-JSON 1.1 in its three forms."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from portal.exchange.sdtm.reading.dataset import (
    Format,
    NotDatasetJson,
    SourceUnreadable,
    Truncated,
)
from portal.exchange.sdtm.reading.dataset_json import (
    describe_dataset_json,
    is_dataset_json,
    read_dataset_json,
)
from portal.exchange.sdtm.reading.xpt import NUL_SYMBOL

HEAD = {
    "datasetJSONCreationDateTime": "2026-01-01T00:00:00",
    "datasetJSONVersion": "1.1.0",
    "itemGroupOID": "IG.AE",
    "records": 2,
    "name": "AE",
    "label": "Adverse Events",
    "columns": [
        {"itemOID": "1", "name": "STUDYID", "label": "Study", "dataType": "string", "length": 2},
        {"itemOID": "2", "name": "USUBJID", "label": "Subject", "dataType": "string"},
        {"itemOID": "3", "name": "AESEQ", "label": "Sequence", "dataType": "integer"},
        {"itemOID": "4", "name": "AETERM", "label": "Term", "dataType": "string"},
    ],
}
ROWS: list[list[Any]] = [["T1", "S-1", 1, "頭痛"], ["T1", "S-1", 2, None]]


def ndjson(head: dict[str, Any] = HEAD, rows: list[Any] = ROWS) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in [head, *rows]) + b"\n"


def write(folder: Path, format: Format, head: dict[str, Any] = HEAD, rows: Any = ROWS) -> Path:
    content = {
        Format.JSON: json.dumps(head | {"rows": rows}).encode(),
        Format.NDJSON: ndjson(head, rows),
        Format.DSJC: zlib.compress(ndjson(head, rows)),
    }[format]
    path = folder / f"ae.{format}"
    path.write_bytes(content)
    return path


def read(path: Path, format: Format) -> list[dict[str, Any]]:
    dataset = describe_dataset_json(path, path.name, "", format)
    return [row for chunk in read_dataset_json(dataset, 1) for row in chunk.rows]


FORMS = pytest.mark.parametrize("format", [Format.JSON, Format.NDJSON, Format.DSJC])


@FORMS
def test_the_three_forms_hold_the_same_rows(tmp_path: Path, format: Format) -> None:
    rows = read(write(tmp_path, format), format)
    assert [list(row.values()) for row in rows] == ROWS


@FORMS
def test_name_label_and_variables_are_read(tmp_path: Path, format: Format) -> None:
    dataset = describe_dataset_json(write(tmp_path, format), "ae", "", format)
    assert (dataset.name, dataset.domain, dataset.label) == ("AE", "AE", "Adverse Events")
    assert [variable.type for variable in dataset.variables] == ["text", "text", "number", "text"]


@FORMS
@pytest.mark.parametrize("stated", [1, 3])
def test_the_stated_number_of_records_is_held(tmp_path: Path, format: Format, stated: int) -> None:
    path = write(tmp_path, format, HEAD | {"records": stated})
    with pytest.raises((Truncated, NotDatasetJson)):
        read(path, format)


@FORMS
def test_a_row_of_the_wrong_width_is_named(tmp_path: Path, format: Format) -> None:
    path = write(tmp_path, format, rows=[ROWS[0], ["T1"]])
    with pytest.raises(NotDatasetJson) as caught:
        read(path, format)
    assert caught.value.row == 2


@FORMS
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, format: Format, kept: float) -> None:
    path = write(tmp_path, format)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(SourceUnreadable):
        read(path, format)


@pytest.mark.parametrize(
    "change",
    [
        {"datasetJSONVersion": "1.0.0"},
        {"columns": []},
        {"columns": [HEAD["columns"][0]] * 2},  # type: ignore[index]
        {"columns": [{"name": "A", "dataType": "blob"}]},
        {"records": -1},
        {"records": "two"},
        {"name": ""},
    ],
)
def test_a_head_that_breaks_the_standard_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(NotDatasetJson):
        read(write(tmp_path, Format.JSON, HEAD | change), Format.JSON)


def test_rows_may_be_objects(tmp_path: Path) -> None:
    rows = [{"STUDYID": "T1", "USUBJID": "S-1", "AESEQ": 1}] * 2
    assert read(write(tmp_path, Format.NDJSON, rows=rows), Format.NDJSON)[0] == {
        "STUDYID": "T1",
        "USUBJID": "S-1",
        "AESEQ": 1,
        "AETERM": None,
    }


def test_a_dsjc_may_be_gzip_of_the_one_object_form(tmp_path: Path) -> None:
    path = tmp_path / "ae.dsjc"
    path.write_bytes(gzip.compress(json.dumps(HEAD | {"rows": ROWS}).encode()))
    assert len(read(path, Format.DSJC)) == 2


def test_a_nul_in_a_text_is_made_visible_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path, Format.JSON, rows=[["T1", "S-1", 1, "a\0b"], ROWS[1]])
    dataset = describe_dataset_json(path, path.name, "", Format.JSON)
    (chunk,) = read_dataset_json(dataset, 10)
    assert chunk.rows[0]["AETERM"] == f"a{NUL_SYMBOL}b"
    assert chunk.foreign_cells[0].row == 1


def test_json_that_makes_no_claim_is_not_dataset_json(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}')
    assert not is_dataset_json(tmp_path / "package.json")
