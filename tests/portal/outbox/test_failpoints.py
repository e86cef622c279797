"""Failpoints: every name stands in the code once, and none does anything outside a test."""

import re
from pathlib import Path

import pytest
from pytest_django import Settings

from portal.core import failpoints
from portal.core.failpoints import Failed, UnknownFailpoint, failpoint

ROOT = Path(__file__).resolve().parents[3]
SOURCE = "".join(
    path.read_text()
    for package in ("portal", "trials", "patients", "events")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
)


@pytest.fixture(autouse=True)
def disarmed() -> object:
    yield
    failpoints.arm("")


def test_every_failpoint_is_listed_and_every_listed_one_stands_in_the_code() -> None:
    assert set(re.findall(r"""\bfailpoint\("([^"]+)"\)""", SOURCE)) - {"name"} == set(
        failpoints.NAMES
    )


def test_nth_time_alone_fails() -> None:
    failpoints.arm("task.mid=raise,nth=2")
    failpoint("task.mid")
    with pytest.raises(Failed):
        failpoint("task.mid")
    failpoint("task.mid")


def test_nothing_is_armed_outside_tests(settings: Settings) -> None:
    settings.MODE = "production"
    failpoints.arm("task.mid=raise")
    failpoint("task.mid")


@pytest.mark.parametrize("text", ["no.such=kill", "task.mid=explode"])
def test_unknown_name_or_action_is_refused(text: str) -> None:
    with pytest.raises(UnknownFailpoint):
        failpoints.arm(text)
