"""An item list is stored with the composite grades that come with it, or not at all."""

import csv
from io import StringIO
from itertools import product
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from patients.rules.instruments import decode, scores
from portal.exchange.instruments.files import NotAnInstrument, read
from trials.models import Instrument

# Made up for these tests: two symptoms, and grades that no published table gives.
ITEMS = """variable,item_no,part,symptom,attribute,score_min,score_max,format,short_label
X1A,1,A,Hiccups,frequency,0,4,f,Hiccups how often
X1B,1,B,Hiccups,interference,0,4,f,Hiccups in the way
X2A,2,A,Yawning,amount,0,4,f,Yawning how much
X3A,3,A,Sneezing,present,0,1,yn,Sneezing
"""
HEADER = "frequency,severity,interference,composite_grade"
PAIRS = [f"{often},,{way},{(often + way) % 4}" for often, way in product(range(1, 5), range(5))]
SINGLES = [f",,{way},{4 - way}" for way in range(1, 5)]
ROWS = ["0,,0,0", *PAIRS, "NA,NA,0,0", *SINGLES]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    file = tmp_path / "items.csv"
    file.write_text(ITEMS)
    return file


def grade_map(file: Path, rows: list[str], header: str = HEADER) -> Path:
    file.write_text("\n".join([header, *rows, ""]))
    return file


def store(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_instrument", str(file), "--reason", "set-up", *options, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("is_beside", [True, False])
def test_the_grade_map_comes_with_the_item_list_and_is_stored(
    items: Path, tmp_path: Path, is_beside: bool
) -> None:
    name = "composite_grade_map.csv" if is_beside else "mine.csv"
    grades = grade_map(tmp_path / name, ROWS)
    options = [] if is_beside else ["--grades", str(grades)]
    assert "stored" in store(items, *options)
    assert "there already" in store(items, *options)
    definition = decode(Instrument.objects.get(code="pro-ctcae").definition)
    found = scores(definition, {"X1A": 3, "X1B": 4, "X2A": 1})
    assert {one.name: one.value for one in found} == {"Hiccups (1)": 3, "Yawning (2)": 3}


@pytest.mark.django_db
def test_the_option_goes_before_the_file_beside(items: Path, tmp_path: Path) -> None:
    grade_map(tmp_path / "composite_grade_map.csv", ["nonsense"])
    assert "stored" in store(items, "--grades", str(grade_map(tmp_path / "mine.csv", ROWS)))


@pytest.mark.django_db
def test_without_grades_nothing_is_stored_and_one_line_says_what_is_missing(items: Path) -> None:
    with pytest.raises(CommandError) as refused:
        store(items)
    assert "\n" not in str(refused.value)
    assert "composite_grade_map.csv" in str(refused.value) and "--grades" in str(refused.value)
    assert not Instrument.objects.filter(code="pro-ctcae").exists()


def test_a_list_without_a_graded_symptom_needs_no_grades(items: Path) -> None:
    header, *rows = ITEMS.splitlines()
    items.write_text("\n".join([header, rows[-1]]))
    assert decode(read(items).definition).scores == ()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS[:-1], "no grade for 4"),
        (["0,,0,0", *PAIRS], "no grades for interference"),
        ([*ROWS, ",,5,1"], "/grade_tables/1/grades/5"),
        ([*ROWS[:-1], ",,4,4"], "A grade is 0 to 3"),
        ([*ROWS[:-1], ",,4,-1"], "/grade_tables/1/grades/4"),
    ],
)
def test_a_map_that_is_not_complete_and_known_is_refused(
    items: Path, tmp_path: Path, rows: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        store(items, "--grades", str(grade_map(tmp_path / "mine.csv", rows)))
    assert not Instrument.objects.filter(code="pro-ctcae").exists()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([*ROWS, ",,4,1"], "line 28: this combination has another grade"),
        ([",,0,1"], "line 2: at 0"),
        ([",,,1"], "line 2: there is no level"),
        ([",,1,high"], "line 2: "),
        ([",,1.5,1"], "line 2: "),
        ([",,1"], "line 2: "),
        (["x" * 200_000], "field larger"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    items: Path, tmp_path: Path, rows: list[str], told: str
) -> None:
    with pytest.raises(NotAnInstrument, match=rf"mine\.csv: {told}"):
        read(items, grade_map(tmp_path / "mine.csv", rows))


def test_a_map_without_its_columns_is_refused(items: Path, tmp_path: Path) -> None:
    grades = grade_map(tmp_path / "mine.csv", [], header="frequency,grade")
    with pytest.raises(NotAnInstrument, match="severity, interference, composite_grade"):
        read(items, grades)


def test_another_format_takes_no_grade_map(tmp_path: Path) -> None:
    with pytest.raises(NotAnInstrument, match="grade map"):
        read(tmp_path / "any.json", tmp_path / "mine.csv")


@pytest.mark.req("PRO-08")
@pytest.mark.django_db
def test_every_published_composite_grade_is_reached_after_an_import(real_data: Path) -> None:
    folder = real_data / "terminology" / "pro_ctcae"
    store(folder / "pro_ctcae_items.csv")
    definition = decode(Instrument.objects.get(code="pro-ctcae").definition)
    by_parts = {tuple(score.items): score for score in definition.scores}
    with (folder / "composite_grade_map.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 179
    for row in rows:
        given = {part: int(row[part]) for part in list(row)[:3] if row[part] not in ("", "NA")}
        score = by_parts[tuple(given)]
        answers = {score.items[part][0]: level for part, level in given.items()}
        found = next(one for one in scores(definition, answers) if one.name == score.name)
        assert found.value == int(row["composite_grade"]), row


def test_every_published_symptom_has_the_attributes_that_are_published(real_data: Path) -> None:
    folder = real_data / "terminology" / "pro_ctcae"
    definition = decode(read(folder / "pro_ctcae_items.csv").definition)
    short = {"frequency": "frq", "severity": "sev", "interference": "int"}
    found = {
        (score.name.rpartition("(")[2].rstrip(")"), " ".join(short[part] for part in score.items))
        for score in definition.scores
    }
    with (folder / "attribute_sets.csv").open() as file:
        published = {
            (number, row["attributes"])
            for row in csv.DictReader(file)
            for number in row["item_numbers"].split()
        }
    assert found == published
