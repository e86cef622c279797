"""Templates keep to the content security policy: nothing inline, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [page for page in TEMPLATES if "mail" not in page.parts]
SHEETS = sorted((ROOT / "portal" / "static" / "portal").glob("*.css"))

FORBIDDEN = {
    "inline script": r"<script(?![^>]*\bsrc=)",
    "inline sheet": r"<style\b",
    "style attribute": r"<[^>]+\sstyle\s*=",
    "event attribute": r"<[^>]+\son[a-z]+\s*=",
    "javascript address": r"javascript:",
    "address elsewhere": r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//",
    "unescaped text": r"\|\s*safe\b|autoescape off",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.parametrize("fault", FORBIDDEN)
def test_pages_hold_no(fault: str, page: Path) -> None:
    assert not re.findall(FORBIDDEN[fault], page.read_text(encoding="utf-8"), re.IGNORECASE)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_sheets_fetch_nothing_from_elsewhere(sheet: Path) -> None:
    assert not re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", sheet.read_text())


def test_every_word_of_a_page_can_be_translated() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"{% block (?:coltype|bodyclass) %}.*?{% endblock %}", "", text)
        text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", text, flags=re.DOTALL)
        text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", " ", text, flags=re.DOTALL)
        assert not re.findall(r"(?<!&)\b[A-Za-z]{3,}\b(?!;)", text), page.name
