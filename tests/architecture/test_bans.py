"""The house's rules that imports cannot see: each names what to write instead."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("portal", "trials", "patients", "events")


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


SOURCES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sources()}


def calls(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            yield node.lineno, name, node


def found(names: set[str], *, within: str = "", outside: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path}:{line} {name}()"
        for path, tree in SOURCES.items()
        if re.search(within, path) and not path.startswith(outside)
        for line, name, _call in calls(tree)
        if name in names
    ]


def test_api_modules_never_write() -> None:
    """Writes are services: the API calls them."""
    assert not found({"save", "bulk_create", "get_or_create", "update_or_create"}, within=r"/api/")


@pytest.mark.parametrize(
    ("names", "instead", "outside"),
    [
        ({"AllowAny"}, "state Open or a Permission in the view's table", ()),
        ({"mark_safe"}, "format_html", ()),
        ({"delay", "apply_async"}, "portal.core.tasks.hint", ("portal/core/tasks.py",)),
        ({"get_objects_for_user"}, "portal.access.scoping.visible", ()),
        ({"to_thread"}, "database_sync_to_async", ()),
    ],
)
def test_call_that_is_banned_is_nowhere(
    names: set[str], instead: str, outside: tuple[str, ...]
) -> None:
    assert not found(names, outside=outside), f"use {instead}"


def test_only_the_clock_reads_the_clock() -> None:
    """Rules, services and selectors take `at`; edges call portal.core.clock.now()."""
    reads = [
        f"{path}:{node.lineno}"
        for path, tree in SOURCES.items()
        if path != "portal/core/clock.py" and not path.startswith("portal/embedded/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "today", "utcnow"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date", "timezone"}
    ]
    assert not reads


def test_services_rules_and_selectors_take_the_time_from_their_caller() -> None:
    assert not [
        f"{path}:{node.lineno}"
        for path, tree in SOURCES.items()
        if re.search(r"/(services|rules|selectors)(/|\.py)", path)
        and not path.startswith("portal/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "now"
        and isinstance(node.value, ast.Name)
        and node.value.id == "clock"
    ]


def test_only_one_module_calls_other_machines() -> None:
    """Use portal.core.outbound.fetch(): it judges the address, the time and the length."""
    ways_out = {
        "urllib.request",
        "http.client",
        "requests",
        "httpx",
        "aiohttp",
        "urllib3",
        "ftplib",
    }
    # The launcher asks its own children, the simulation plays phones against this very portal.
    ways = ("portal/core/outbound.py", "portal/embedded/", "portal/demo/simulation/")
    imported = [
        f"{path}:{node.lineno}"
        for path, tree in SOURCES.items()
        if not path.startswith(ways)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported(node)
        if any(name == way or name.startswith(f"{way}.") for way in ways_out)
    ]
    dials = {"create_connection", "open_connection", "urlopen"}
    assert not imported
    assert not found(dials, outside=ways)


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = node.module or ""
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def test_no_serializer_takes_every_field() -> None:
    assert not [
        path
        for path in SOURCES
        if re.search(r"fields\s*=\s*[\"']__all__[\"']", (ROOT / path).read_text())
    ]


def test_nothing_prints_but_the_launcher() -> None:
    """Say it in the log, or with self.stdout in a command."""
    assert not [
        f"{path}:{call.lineno}"
        for path, tree in SOURCES.items()
        if not path.startswith("portal/embedded/")
        for _line, name, call in calls(tree)
        if name == "print" and isinstance(call.func, ast.Name)
    ]


def public_functions(path: str, tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"{path}:{node.lineno} {node.name}", node


DOCUMENTED = {
    where: node
    for path, tree in SOURCES.items()
    if re.search(r"/(services|rules|selectors|handlers)(/|\.py)", path)
    for where, node in public_functions(path, tree)
}


@pytest.mark.parametrize("where", DOCUMENTED)
def test_public_service_rule_or_selector_says_what_it_does(where: str) -> None:
    assert ast.get_docstring(DOCUMENTED[where])


WRITING = {
    where: node
    for where, node in DOCUMENTED.items()
    if re.match(r"(trials|patients|events)/services/", where)
    and any(name == "acting" for _line, name, _call in calls(node))
}


@pytest.mark.parametrize("where", WRITING)
def test_service_that_writes_takes_by_at_and_reason(where: str) -> None:
    taken = [argument.arg for argument in WRITING[where].args.kwonlyargs]
    positions = [taken.index(name) for name in ("by", "at", "reason")]
    assert positions == sorted(positions)


def test_names_after_raises_exist() -> None:
    defined = {
        node.name
        for tree in SOURCES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    known = defined | {"IntegrityError", "ValidationError", "DoesNotExist", "TypeError", "OSError"}
    unknown = []
    for where, node in DOCUMENTED.items():
        stated = re.search(r"Raises: ([^\n]+(?:\n\s+[^\n]+)*)", ast.get_docstring(node) or "")
        names = re.findall(r"\b[A-Z]\w+\b", (stated[1].split(". ")[0] if stated else ""))
        unknown += [f"{where}: {name}" for name in names if name not in known]
    assert not unknown


def test_file_stays_about_one_thing() -> None:
    """Above 400 lines a module needs a reason here."""
    reasons = {"portal/settings.py": "one list of all that the environment decides"}
    long = {path for path in SOURCES if len((ROOT / path).read_text().splitlines()) > 400}
    assert long <= set(reasons)


def test_repository_names_no_machine_path_and_no_leftover() -> None:
    import subprocess

    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|/root/|/home/\w+/")
    assert not [
        name
        for name in tracked
        if name.endswith((".py", ".md", ".html", ".css", ".toml", ".yaml", ".sh"))
        and name != "tests/architecture/test_bans.py"
        and (ROOT / name).exists()
        and words.search((ROOT / name).read_text(errors="replace"))
    ]


@pytest.mark.req("F47")
def test_no_task_is_sent_for_later() -> None:
    """A delay is a row with `due_at`: a task with an ETA beyond the visibility timeout repeats."""
    said = [
        f"{path}:{line} {name}({keyword.arg}=)"
        for path, tree in SOURCES.items()
        for line, name, call in calls(tree)
        for keyword in call.keywords
        if keyword.arg in {"eta", "countdown"}
    ]
    assert not said
