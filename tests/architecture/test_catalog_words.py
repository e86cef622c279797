"""Every sentence that the code says to people stands in a compiled catalog."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import trans_real
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[2]
OURS = ("portal", "trials", "patients", "events", "templates")
# The name of each marking function, with how many of its first arguments are looked up.
_MARKS = {
    "_": 1,
    "gettext": 1,
    "gettext_lazy": 1,
    "gettext_noop": 1,
    "ngettext": 1,
    "ngettext_lazy": 1,
}


def marked() -> set[str]:
    """Return what the code and the templates mark."""
    words = {said for path in _sources() for said in _of_code(path.read_text(encoding="utf-8"))}
    for top in OURS:
        for path in (ROOT / top).rglob("*"):
            if path.suffix in (".html", ".txt") and "templates" in path.parts:
                words |= set(_of_template(path.read_text(encoding="utf-8")))
    return words


def _sources() -> Iterator[Path]:
    for top in OURS:
        for path in (ROOT / top).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def _of_code(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for argument in node.args[: _MARKS.get(name, 0)]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _of_template(source: str) -> Iterator[str]:
    for call in re.findall(
        r"\bn?gettext\((u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\")"
        r"(?:,\s*(u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\"))?",
        templatize(source),
    ):
        yield from (ast.literal_eval(said) for said in call if said)


def refusals() -> set[str]:
    """Return what refusals say: the docstrings of their classes, and what they are raised with."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _sources()]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names, count = {"DomainError"}, 0
    while count != len(names):
        count = len(names)
        names |= {c.name for c in classes if any(getattr(b, "id", "") in names for b in c.bases)}
    said = {ast.get_docstring(c) for c in classes if c.name in names - {"DomainError"}}
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", "")
        # A part with the code of the whole is told as the whole is.
        is_part = name == "FieldError" and isinstance(call.args[1], ast.Constant)
        for argument in call.args[2:3] if is_part else call.args[: int(name in names)]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                said.add(argument.value)
    return {" ".join(text.split()) for text in said if text}


def test_marks_are_found_in_code_and_in_templates() -> None:
    assert {"a", "b"} == set(_of_code("_('a'); ngettext('b', 'c', n); other('d')"))
    page = '{% load i18n %}{% translate "a" %}{% blocktranslate %}b {{ c }}{% endblocktranslate %}'
    assert {"a", "b %(c)s"} == set(_of_template(page))
    assert len(marked()) > 1_000


def test_every_marked_sentence_is_in_the_chinese_catalog() -> None:
    assert _missing(marked()) == []


def test_every_refusal_is_in_the_chinese_catalog() -> None:
    assert len(refusals()) > 100
    assert _missing(refusals()) == []


def _missing(words: set[str]) -> list[str]:
    catalog = trans_real.translation("zh-hans")._catalog
    return sorted(
        word for word in words if word.strip() and word not in catalog and (word, 0) not in catalog
    )
