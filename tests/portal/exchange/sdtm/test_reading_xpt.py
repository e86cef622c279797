"""SAS transport files: every byte accounted for, every damage named."""

from pathlib import Path

import pytest

from portal.exchange.sdtm.reading.dataset import NotXpt, Truncated
from portal.exchange.sdtm.reading.xpt import NUL_SYMBOL, describe_xpt, read_xpt
from tests.portal.exchange.sdtm.xpt_files import CARD, write_xpt

ROWS = [{"STUDYID": "T1", "DOMAIN": "LB", "USUBJID": f"S-{n}", "LBSEQ": n} for n in range(1, 31)]


def rows_of(path: Path, chunk_size: int = 7) -> list[dict[str, object]]:
    dataset = describe_xpt(path, path.name, "")
    return [row for chunk in read_xpt(dataset, chunk_size) for row in chunk.rows]


def foreign_of(path: Path) -> list[tuple[int, str, str]]:
    dataset = describe_xpt(path, path.name, "")
    cells = [cell for chunk in read_xpt(dataset, 2) for cell in chunk.foreign_cells]
    return [(cell.row, cell.variable, cell.read_as) for cell in cells]


def test_rows_come_back_as_they_were_written_across_chunks(tmp_path: Path) -> None:
    assert rows_of(write_xpt(tmp_path / "lb.xpt", "LB", ROWS)) == ROWS


def test_a_split_dataset_joins_the_domain_of_its_column(tmp_path: Path) -> None:
    dataset = describe_xpt(write_xpt(tmp_path / "x.xpt", "LBCH", ROWS), "x.xpt", "")
    assert (dataset.name, dataset.domain, dataset.row_count) == ("LBCH", "LB", 30)


def test_labels_and_lengths_are_read(tmp_path: Path) -> None:
    path = write_xpt(tmp_path / "x.xpt", "LBCH", ROWS, label="Chemistry")
    dataset = describe_xpt(path, "x.xpt", "")
    assert dataset.label == "Chemistry"
    assert [(v.name, v.label, v.type, v.length) for v in dataset.variables][2:] == [
        ("USUBJID", "Label of USUBJID", "text", 4),
        ("LBSEQ", "Label of LBSEQ", "number", 8),
    ]


@pytest.mark.parametrize("value", [8.55, -0.1, 1e-9, 123456.75, 0, 7, None])
def test_numbers_lose_the_noise_of_the_format(tmp_path: Path, value: float | None) -> None:
    rows = [{"USUBJID": "S-1", "X": 1.5}, {"USUBJID": "S-2", "X": value}]
    assert rows_of(write_xpt(tmp_path / "x.xpt", "X", rows))[1]["X"] == value


@pytest.mark.parametrize(
    ("raw", "text", "read_as"),
    [
        ("Grüße 痛".encode(), "Grüße 痛", None),
        (b"Alzheimer\x92s", "Alzheimer\u2019s", "WINDOWS-1252"),
        (b"caf\xe9 \x81", "caf\xe9 \x81", "ISO-8859-1"),
        (b"before\0after", f"before{NUL_SYMBOL}after", "NUL bytes"),
    ],
)
def test_every_cell_that_is_not_utf_8_is_reported(
    tmp_path: Path, raw: bytes, text: str, read_as: str | None
) -> None:
    rows = [{"USUBJID": f"S-{n}", "X": raw if n == 5 else "plain"} for n in range(1, 7)]
    path = write_xpt(tmp_path / "x.xpt", "X", rows)
    assert rows_of(path)[4]["X"] == text
    assert foreign_of(path) == ([(5, "X", read_as)] if read_as else [])


def test_nul_bytes_at_the_end_of_a_cell_are_filling(tmp_path: Path) -> None:
    path = write_xpt(tmp_path / "x.xpt", "X", [{"USUBJID": "S-1", "X": b"ab\0\0"}])
    assert rows_of(path)[0]["X"] == "ab"
    assert foreign_of(path) == []


@pytest.mark.parametrize("cut", [1, 79, CARD, 3 * CARD])
def test_a_file_cut_inside_a_row_names_file_and_row(tmp_path: Path, cut: int) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", [row | {"X": "x" * 150} for row in ROWS])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(Truncated) as caught:
        describe_xpt(path, path.name, "")
    assert caught.value.row is not None
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kept", [10, 79])
def test_a_file_cut_inside_its_first_card_is_no_transport_file(tmp_path: Path, kept: int) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", ROWS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises((NotXpt, Truncated)):
        describe_xpt(path, path.name, "")


@pytest.mark.parametrize("cards", [2, 5, 8, 10])
def test_a_file_cut_inside_its_headers_is_truncated(tmp_path: Path, cards: int) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", ROWS)
    path.write_bytes(path.read_bytes()[: cards * CARD])
    with pytest.raises(Truncated):
        describe_xpt(path, path.name, "")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"USUBJID,AGE\nS-1,50\n" * 40])
def test_a_file_that_is_only_named_xpt_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dm.xpt"
    path.write_bytes(content)
    with pytest.raises(NotXpt):
        describe_xpt(path, path.name, "")


def test_damaged_headers_are_refused(tmp_path: Path) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", ROWS)
    path.write_bytes(path.read_bytes().replace(b"NAMESTR HEADER", b"NAMESTR HEAPER"))
    with pytest.raises(NotXpt):
        describe_xpt(path, path.name, "")


def test_two_datasets_in_one_file_are_refused(tmp_path: Path) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", ROWS)
    path.write_bytes(path.read_bytes() + path.read_bytes()[3 * CARD :])
    with pytest.raises(NotXpt, match="more than one dataset"):
        describe_xpt(path, path.name, "")


def test_a_dataset_without_rows_has_none(tmp_path: Path) -> None:
    path = write_xpt(tmp_path / "lb.xpt", "LB", ROWS[:1])
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"OBS     HEADER") - 20 + CARD])
    assert rows_of(path) == []
