"""Every level-1 requirement of OWASP ASVS 5.0 has a verdict, and its evidence exists."""

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# How many level-1 requirements each chapter of ASVS 5.0.0 has.
OF_CHAPTER = {
    "V1": 8, "V2": 4, "V3": 8, "V4": 2, "V5": 4, "V6": 13, "V7": 6, "V8": 4,
    "V9": 4, "V10": 5, "V11": 3, "V12": 3, "V13": 1, "V14": 2, "V15": 3,
}  # fmt: skip
VERDICTS = {"test", "configuration", "document", "organization", "not_applicable"}


def rows() -> list[dict[str, str]]:
    """Return the table."""
    with (ROOT / "docs/security/asvs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def names_of_tests(path: str) -> frozenset[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_every_level_one_requirement_has_one_row() -> None:
    ids = [row["id"] for row in rows()]

    assert len(ids) == len(set(ids)) == 70
    counted = {chapter: sum(i.startswith(chapter + ".") for i in ids) for chapter in OF_CHAPTER}
    assert counted == OF_CHAPTER


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row["id"]))
def test_evidence_exists(row: dict[str, str]) -> None:
    assert row["verdict"] in VERDICTS
    if row["verdict"] == "test":
        for named in row["evidence"].split():
            path, _, name = named.partition("::")
            assert name in names_of_tests(path), f"{row['id']}: {named} does not exist"
    elif row["verdict"] in ("configuration", "document"):
        assert (ROOT / row["evidence"]).is_file()
    else:
        assert row["note"], f"{row['id']}: say why"
