"""Requirement ids in tests exist, and the committed table names exactly the tests with them."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.plugins.traceability import ROOT, requirements

# Ids of our own test plans (faults F, sessions J, sockets W, desk D, tenants T, audit P).
PLANS = re.compile(r"F\d{1,3}|[JWDTP]\d{1,2}")


def marked() -> dict[str, set[str]]:
    """Return the tests that carry each id, read from the sources."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        module_ids = _ids([node for node in tree.body if isinstance(node, ast.Assign)])
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if not node.name.startswith("test"):
                    continue
                for key in _ids(node.decorator_list) | module_ids:
                    found[key].add(f"{path.relative_to(ROOT)}::{node.name}")
    return found


def _ids(nodes: list[ast.expr] | list[ast.Assign]) -> set[str]:
    return {
        argument.value
        for top in nodes
        for node in ast.walk(top)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "req"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_id_in_a_marker_is_known() -> None:
    assert not [key for key in marked() if key not in requirements() and not PLANS.fullmatch(key)]


def test_committed_table_names_the_tests_that_carry_each_id() -> None:
    """Where this fails: ./run test --traceability docs/traceability.md"""
    told: dict[str, set[str]] = {}
    for line in (ROOT / "docs" / "traceability.md").read_text().splitlines():
        match = re.match(r"\| ([A-Z0-9]+-\d+) \|.*\| ([^|]*) \| [^|]* \|$", line)
        if match:
            told[match[1]] = {
                re.sub(r"::Test\w+::", "::", name) for name in re.findall(r"`([^`]+)`", match[2])
            }
    carried = {key: tests for key, tests in marked().items() if key in requirements()}
    assert {key: tests for key, tests in told.items() if tests} == carried
    assert list(told) == list(requirements())


def test_table_says_that_nothing_failed() -> None:
    assert "| failed |" not in Path(ROOT / "docs" / "traceability.md").read_text()
