"""Instruments from files are stored once for each version, and never changed."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from patients.rules.instruments import decode, scores
from portal.exchange.instruments.files import NotAnInstrument, read
from portal.exchange.instruments.questionnaire import convert
from trials.models import Instrument
from trials.services.instruments import SHIPPED

PROJECT = Path(__file__).resolve().parents[4]
DIARY = SHIPPED / "daily-diary-1.0.json"


def store(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_instrument", str(file), "--reason", "set-up", *options, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_an_instrument_is_stored_once_and_its_version_never_changes(tmp_path: Path) -> None:
    assert "stored" in store(DIARY)
    assert "there already" in store(DIARY)
    content = json.loads(DIARY.read_text("utf-8"))
    content["definition"]["items"][0]["maximum"] = 5
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(content), "utf-8")
    with pytest.raises(CommandError, match="changed definition is a new version"):
        store(changed)
    assert "stored" in store(changed, "--instrument-version", "1.1")
    assert Instrument.objects.filter(code="daily-diary").count() == 2


@pytest.mark.django_db
def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"code": "x", "version": "1", "definition": {"items": [{"code": ""}]}}')
    with pytest.raises(CommandError) as refused:
        store(file)
    assert "/items/0/code" in str(refused.value) and "/items/0/type" in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "{", "[" * 100_000, '{"resourceType": "Patient"}']
)
def test_what_is_no_instrument_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(NotAnInstrument):
        read(file)


@pytest.mark.parametrize(
    ("name", "items", "is_scored", "safety"),
    [
        ("phq9_lhncbc_r4.json", 10, True, ["/44260-8"]),
        ("phq9_with_weight_function.json", 10, True, ["/44260-8"]),
        ("phq9_hl7_r4_example.json", 9, False, []),
        ("enableWhen-test.R4.json", 71, False, []),
        ("argonaut-phq9-ish.json", 10, True, ["g1.q9"]),
    ],
)
def test_published_questionnaires_become_definitions(
    real_data: Path, name: str, items: int, is_scored: bool, safety: list[str]
) -> None:
    draft = read(real_data / "epro_questionnaires" / name)
    definition = decode(draft.definition)
    assert len(definition.items) == items
    assert bool(definition.scores) is is_scored
    assert [item.code for item in definition.safety_items] == safety


def test_phq9_is_scored_by_its_answers(real_data: Path) -> None:
    draft = read(real_data / "epro_questionnaires" / "phq9_lhncbc_r4.json")
    definition = decode(draft.definition)
    worst = dict.fromkeys(definition.scores[0].item_codes, "LA6571-9")
    (total,) = scores(definition, worst)
    assert (total.value, total.band, total.missing) == (27, "severe", ())
    (partial,) = scores(definition, {**worst, "/44260-8": "often"})
    assert (partial.value, partial.missing) == (None, ("/44260-8",))


@pytest.mark.parametrize("content", [{}, {"item": 3}, {"item": [3, {}, {"type": "choice"}]}])
def test_a_broken_questionnaire_is_told_and_does_not_crash(content: dict[str, object]) -> None:
    definition, _ = convert(content)
    assert definition["items"] == []


def test_the_example_of_the_documentation_is_a_definition(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "instruments.md").read_text("utf-8")
    example = tmp_path / "example.json"
    example.write_text(page.split("```json\n")[1].split("```")[0], "utf-8")
    definition = decode(read(example).definition)
    assert [score.algorithm for score in definition.scores] == ["pro_ctcae_composite"]
