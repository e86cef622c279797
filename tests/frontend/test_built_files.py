"""The workbench that is served is the one whose sources stand in frontend/."""

import hashlib
import json
from pathlib import Path

from portal.embedded.home import ROOT

SOURCES = ROOT / "frontend"
BUILT = ROOT / "portal" / "static" / "workbench"
ALONE = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")


def source_files() -> list[str]:
    """Return what the build is made from; the same choice is made in scripts/source-hash.js."""
    inside = (
        path.relative_to(SOURCES).as_posix()
        for path in (SOURCES / "src").rglob("*")
        if path.is_file()
    )
    chosen = (
        name
        for name in inside
        if not name.endswith(".spec.ts") and not name.startswith("src/test/")
    )
    return sorted([*ALONE, *chosen])


def source_hash() -> str:
    """Return the sum over the names and contents of the sources."""
    total = hashlib.sha256()
    for name in source_files():
        content = hashlib.sha256((SOURCES / name).read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


def test_built_files_are_of_the_sources() -> None:
    built_from = (BUILT / ".source-hash").read_text().strip()
    assert built_from == source_hash(), "stale: cd frontend && npm ci && npm run build"


def test_every_built_file_is_in_the_manifest_and_there() -> None:
    chunks = json.loads((BUILT / "manifest.json").read_text()).values()
    named = {chunk["file"] for chunk in chunks}
    named |= {
        file for chunk in chunks for file in (*chunk.get("css", []), *chunk.get("assets", []))
    }
    there = {path.relative_to(BUILT).as_posix() for path in (BUILT / "assets").rglob("*")}
    assert named == there


def test_words_of_both_languages_are_the_same_ones() -> None:
    for english in sorted((SOURCES / "src").rglob("locales/en.json")):
        chinese = english.with_name("zh-Hans.json")
        assert _keys(english) == _keys(chinese), english.relative_to(SOURCES)


def _keys(file: Path) -> set[str]:
    return set(_paths(json.loads(file.read_text()), ""))


def _paths(words: dict[str, object], prefix: str) -> list[str]:
    found: list[str] = []
    for key, value in words.items():
        if isinstance(value, dict):
            found += _paths(value, f"{prefix}{key}.")
        else:
            assert isinstance(value, str) and value.strip(), f"{prefix}{key} says nothing"
            found.append(f"{prefix}{key}")
    return found
