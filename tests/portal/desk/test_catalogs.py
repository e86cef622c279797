"""Chinese is complete, and what is compiled is what is written."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.test import Client

LOCALE = Path(__file__).parents[3] / "locale"


def _entries(language: str) -> dict[str, str]:
    text = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    pairs = re.findall(r'^msgid (".*")\nmsgstr (".*")$', text, re.MULTILINE)
    return {ast.literal_eval(said): ast.literal_eval(told) for said, told in pairs}


def test_every_word_has_its_chinese() -> None:
    entries = _entries("zh_Hans")

    assert len(entries) > 700
    assert [said for said, told in entries.items() if said and not told] == []


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_the_compiled_catalog_is_in_step_with_the_written_one(language: str) -> None:
    path = LOCALE / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    wrong = {
        said: told
        for said, told in _entries(language).items()
        if said and told and compiled.gettext(said) != told
    }
    assert wrong == {}


def test_placeholders_survive_translation() -> None:
    for said, told in _entries("zh_Hans").items():
        assert sorted(re.findall(r"%\(\w+\)s|%s", said)) == sorted(
            re.findall(r"%\(\w+\)s|%s", told)
        ), said


def test_the_front_page_speaks_chinese_to_a_chinese_reader() -> None:
    page = Client().get("/", headers={"accept-language": "zh-CN"})

    assert 'lang="zh-hans"' in page.content.decode()
    assert "不得用于监护或紧急决策" in page.content.decode()
