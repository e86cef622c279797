"""Who does not answer anybody works after those who do, alone and as a whole session."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = Path("/proc/self/autogroup")
SAY = (
    "import os; from pathlib import Path; from portal.core.priority import give_way;"
    "give_way(); give_way(); p = Path('/proc/self/autogroup');"
    "print(os.nice(0), p.read_text() if p.exists() else '')"
)


def _said(*, session: bool) -> tuple[str, str]:
    """What the program says of itself and of its session; a system may say nothing of one."""
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=session,
    )
    nice, _, weight = done.stdout.partition(" ")
    return nice, weight.strip()


def test_a_program_with_a_session_of_its_own_gives_way_with_all_of_it() -> None:
    if not SESSION.exists():
        pytest.skip("this system does not weigh sessions against each other")

    nice, weight = _said(session=True)

    assert nice == str(min(19, os.nice(0) + 10))
    assert weight.endswith(" nice 10")


def test_a_program_in_somebody_elses_session_gives_way_alone() -> None:
    before = SESSION.read_text().strip() if SESSION.exists() else ""

    # A session nobody has opened, a container's first one, has no weight to read: it stays so.
    assert _said(session=False) == (str(min(19, os.nice(0) + 10)), before)
