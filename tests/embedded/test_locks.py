import re

import pytest

from portal.embedded.home import ROOT
from portal.embedded.locks import (
    DEVELOPMENT,
    RUNTIME,
    TARGETS,
    Locked,
    Wheel,
    duplicates,
    read_lock,
    read_wheels,
    without_wheel,
)


def test_every_package_has_a_wheel_for_every_supported_python_and_platform() -> None:
    assert len(TARGETS) == 12
    assert without_wheel(read_lock(RUNTIME), read_wheels()) == []


def test_a_package_without_wheels_would_be_noticed() -> None:
    entry = read_lock(RUNTIME)[0]
    assert len(without_wheel([entry], [])) == len(TARGETS)
    wheel = next(w for w in read_wheels() if w.package == entry.requirement.name)
    assert len(without_wheel([entry], [Wheel(wheel.package, wheel.filename, "0" * 64)])) == 12


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_no_package_stands_twice_in_a_lock(lock: str) -> None:
    assert duplicates(lock) == []


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, "requirements-uv.txt"])
def test_every_locked_package_has_hashes_and_one_exact_version(lock: str) -> None:
    for entry in read_lock(lock):
        assert entry.hashes, entry.requirement
        assert [s.operator for s in entry.requirement.specifier] == ["=="]


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, "requirements-uv.txt"])
def test_lock_names_no_index_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|file:|--(extra-)?index|--find-links|/(home|root|tmp)/", text)


def test_both_locks_agree() -> None:
    def versions(lock: str) -> set[tuple[str, str, str]]:
        return {
            (e.requirement.name, e.version, str(e.requirement.marker or ""))
            for e in read_lock(lock)
        }

    names = {(name, version) for name, version, _ in versions(DEVELOPMENT)}
    assert {(name, version) for name, version, _ in versions(RUNTIME)} <= names


def test_every_requirement_gives_its_reason() -> None:
    for file in ("requirements.in", "requirements-dev.in"):
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith(("#", "-")):
                assert re.search(r"\S\s+# \S", line), line


def test_lock_entry_knows_where_it_applies() -> None:
    conditional: list[Locked] = [e for e in read_lock(RUNTIME) if e.requirement.name == "numpy"]
    applied = [[e.version for e in conditional if e.applies_to(target)] for target in TARGETS]
    assert all(len(versions) == 1 for versions in applied)
