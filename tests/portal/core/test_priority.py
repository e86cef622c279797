"""Who does not answer anybody works after those who do, alone and as a whole session."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAY = (
    "import os; from pathlib import Path; from portal.core.priority import give_way;"
    "give_way(); give_way(); p = Path('/proc/self/autogroup');"
    "print(os.nice(0), p.read_text().split()[-1] if p.exists() else '')"
)


def _said(*, session: bool) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=session,
    )
    return done.stdout.split()


def test_a_program_with_a_session_of_its_own_gives_way_with_all_of_it() -> None:
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("this system does not weigh sessions against each other")

    assert _said(session=True) == [str(os.nice(0) + 10), "10"]


def test_a_program_in_somebody_elses_session_gives_way_alone() -> None:
    nice, *session = _said(session=False)

    assert nice == str(min(19, os.nice(0) + 10))
    if session:
        assert session == [Path("/proc/self/autogroup").read_text().split()[-1]]
