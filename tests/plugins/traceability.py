"""pytest plugin: which test shows which requirement, and how it went.

`./run test --traceability docs/traceability.md` writes the table from `req` markers; the ids and
titles of the standards stand in docs/requirements.csv. A test holds the committed table to the
markers, so that it names every test and no test that is gone.
"""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "docs" / "requirements.csv"
HEAD = """# Traceability

Standard id → tests → result of the run that wrote this file. Made by
`./run test --traceability docs/traceability.md`; the requirements are in `requirements.csv`, in our
own words. A requirement without a test is open: what it speaks of is not built yet, or not shown.
"""


def requirements() -> dict[str, tuple[str, str]]:
    """Return (source, requirement) by id, in the order of the file."""
    with open(REQUIREMENTS, newline="") as file:
        return {row["id"]: (row["source"], row["requirement"]) for row in csv.DictReader(file)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --traceability FILE."""
    parser.addoption("--traceability", help="write which test shows which requirement to this file")


class Traceability:
    """Collects markers and outcomes in the process that reports (with xdist: the controller)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.outcomes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take each test's outcome under each of its ids."""
        if report.when != "call" and report.outcome == "passed":
            return
        name = report.nodeid.split("[")[0]
        for key, value in report.user_properties:
            if key == "req":
                self.outcomes[value][name].add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        """Write the table."""
        self.file.write_text(table(self.outcomes))


def table(outcomes: dict[str, dict[str, set[str]]]) -> str:
    """Return the table as Markdown."""
    lines = [HEAD, "| id | requirement | tests | result |", "|---|---|---|---|"]
    for key, (source, text) in requirements().items():
        tests = sorted(outcomes.get(key, {}).items())
        names = "<br>".join(f"`{name}`" for name, _found in tests)
        found = {outcome for _name, each in tests for outcome in each}
        result = "failed" if "failed" in found else "passed" if "passed" in found else "–"
        told = f"{text} ({source})".replace("|", "\\|")
        lines.append(f"| {key} | {told} | {names} | {result} |")
    return "\n".join(lines) + "\n"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Carry the ids with the reports, which is all that xdist's workers send back."""
    for item in items:
        for mark in item.iter_markers("req"):
            item.user_properties.extend(("req", key) for key in mark.args)


def pytest_configure(config: pytest.Config) -> None:
    """Report where asked to."""
    file = config.getoption("--traceability")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Traceability(Path(file)))
