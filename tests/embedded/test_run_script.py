import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.embedded.home import ROOT
from tests.embedded.conftest import clean_environment


def run(*arguments: str, folder: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(folder / "run"), *arguments],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def empty_clone(tmp_path: Path) -> Path:
    """A folder with the script and its locks, but no .venv."""
    for name in ("run", "requirements.txt", "requirements-dev.txt", "requirements-uv.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def _tools(folder: Path) -> str:
    """Return a folder with what the script calls, and no Python."""
    tools = folder / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "cat", "cksum", "tr", "grep", "rm"):
        source = next(f for f in (Path("/bin") / tool, Path("/usr/bin") / tool) if f.exists())
        (tools / tool).symlink_to(source)
    return str(tools)


def test_help_lists_every_command() -> None:
    done = run("help")
    assert done.returncode == 0
    for command in ("test", "check", "bench", "manage", "lock"):
        assert f"./run {command}" in done.stdout


def test_unknown_command_is_one_line() -> None:
    done = run("tset")
    assert done.returncode == 1
    assert done.stderr == "run: there is no ./run tset: ./run help lists what there is\n"


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_broken_python_is_one_line_that_says_what_to_do(empty_clone: Path, python: str) -> None:
    done = run("--no-demo", folder=empty_clone, PORTAL_PYTHON=python)
    assert done.returncode == 1
    assert done.stderr.startswith(f"run: PORTAL_PYTHON={python} is not a working Python 3.11")
    assert done.stderr.count("\n") == 1


def test_no_python_at_all_is_one_line_that_says_what_to_do(
    empty_clone: Path, tmp_path: Path
) -> None:
    done = run("--no-demo", folder=empty_clone, PATH=_tools(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("run: no working Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("folders", [("slow", "quick"), ("quick", "slow")])
def test_the_quicker_of_two_pythons_is_taken_whichever_comes_first(
    empty_clone: Path, tmp_path: Path, folders: tuple[str, str]
) -> None:
    real = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    taken = tmp_path / "taken"
    for name, option in (("slow", "-X tracemalloc=9"), ("quick", "")):
        python = tmp_path / name / "python3"
        python.parent.mkdir()
        python.write_text(
            "#!/bin/sh\n"
            f"case \"$*\" in '-m venv'*) echo {name} >{taken}; exit 1 ;; esac\n"
            f'exec {real} {option} "$@"\n'
        )
        python.chmod(0o755)
    path = [*(str(tmp_path / folder) for folder in folders), "/no such folder", _tools(tmp_path)]

    done = run("--no-demo", folder=empty_clone, PATH=":".join(path))

    assert done.stderr.startswith("run: cannot make")
    assert taken.read_text() == "quick\n"


def test_every_setting_is_listed_and_every_listed_one_exists() -> None:
    used = set()
    for file in [*(ROOT / "portal").rglob("*.py"), ROOT / "run"]:
        text = file.read_text()
        used |= set(re.findall(r"""env(?:\.\w+)?\(\s*"([A-Z_]+)\"""", text))
        used |= set(re.findall(r"""(?:environ(?:\.get)?[\[(]|_secret\()"([A-Z_]+)\"""", text))
        used |= set(re.findall(r"\$\{(PORTAL_[A-Z]+)", text))
    # PORTAL_CLOCK_FILE is for tests of whole processes: in other modes nobody looks at it.
    used -= {
        "PORTAL_CLOCK_FILE",
        "NO_COLOR",
        "DJANGO_SETTINGS_MODULE",
        "PORTAL_HOST",
        "PYTEST_CURRENT_TEST",
    }
    listed = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used == listed
