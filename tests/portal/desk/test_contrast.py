"""Every pair of text and ground reaches 4.5:1 in both schemes (WCAG 2.2, 1.4.3)."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[3] / "portal" / "static" / "portal" / "tokens.css"
STATES = ("good", "notice", "caution", "danger", "blocked")
BANDS = ("zero", "low", "low-medium", "medium", "high", "incomplete")
GROUNDS = ("color-ground", "color-surface")
TEXT = 4.5
GRAPHIC = 3.0


def _declared(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))


def _schemes() -> dict[str, dict[str, str]]:
    light, dark = TOKENS.read_text(encoding="utf-8").split("@media (prefers-color-scheme: dark)")
    return {"light": _declared(light), "dark": _declared(light) | _declared(dark)}


def _luminance(color: str) -> float:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _text_pairs() -> list[tuple[str, str]]:
    readable = ("color-ink", "color-muted", "color-accent", "color-accent-strong")
    pairs = [(ink, ground) for ink in readable for ground in (*GROUNDS, "color-raised")]
    pairs += [(ink, "color-selected") for ink in readable]
    pairs += [("color-on-accent", "color-accent"), ("color-on-accent", "color-accent-strong")]
    for state in STATES:
        pairs += [(f"color-{state}", ground) for ground in GROUNDS]
        pairs += [(f"color-{state}", f"color-{state}-soft")]
        pairs += [("color-ink", f"color-{state}-soft"), ("color-muted", f"color-{state}-soft")]
    pairs += [(f"news2-{band}-ink", f"news2-{band}") for band in BANDS]
    pairs += [("news2-incomplete-ink", "news2-incomplete-stripe")]
    return pairs


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), _text_pairs())
def test_text_is_readable_on_its_ground(scheme: str, ink: str, ground: str) -> None:
    tokens = _schemes()[scheme]

    assert _contrast(tokens[ink], tokens[ground]) >= TEXT


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("mark", ["color-line-strong", "color-accent"])
def test_edges_of_controls_and_the_focus_ring_are_visible(
    scheme: str, mark: str, ground: str
) -> None:
    tokens = _schemes()[scheme]

    assert _contrast(tokens[mark], tokens[ground]) >= GRAPHIC


def test_the_dark_scheme_redefines_every_color() -> None:
    light, dark = TOKENS.read_text(encoding="utf-8").split("@media (prefers-color-scheme: dark)")

    assert set(_declared(light)) == set(_declared(dark))


def test_other_sheets_name_no_color_of_their_own() -> None:
    for sheet in TOKENS.parent.glob("*.css"):
        if sheet != TOKENS:
            assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)", sheet.read_text())


def test_every_token_that_a_sheet_uses_exists() -> None:
    declared = set(re.findall(r"^\s*--([\w-]+):", TOKENS.read_text(), re.MULTILINE))
    for sheet in TOKENS.parent.glob("*.css"):
        text = sheet.read_text()
        own = set(re.findall(r"^\s*--([\w-]+):", text, re.MULTILINE))
        assert set(re.findall(r"var\(--([\w-]+)", text)) <= declared | own, sheet.name
