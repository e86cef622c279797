"""What ./run prints: the lines of its programs, each with its program's name before it.

Every line also goes to a file. Once the portal is ready, the routine ones go only there: where to
sign in stays on the screen, and what a person should see is not lost among the tasks.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from portal.unhindered import Outlet

COLORS = {"web": "36", "worker": "35", "beat": "33", "migrate": "34", "demo": "32", "run": "1"}
WIDTH = 7
PATIENCE_SECONDS = 0.5
LARGEST_JOURNAL = 20 * 2**20
_ROUTINE = re.compile(r'"level": ?"(info|debug)"').search


class Console:
    """Writes whole lines to standard output.

    A line that nobody takes, as with a stopped terminal, is left out there: the portal goes on.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self.colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._outlet = Outlet(sys.stdout.fileno(), PATIENCE_SECONDS)
        self.journal = journal
        self.is_settled = False

    def line(self, name: str, text: str) -> None:
        """Print one line of a program, or only write it down."""
        prefix = f"{name:<{WIDTH}}|"
        self._note(f"{prefix} {text}")
        if self.is_settled and _ROUTINE(text):
            return
        if self.colored:
            prefix = f"\033[{COLORS.get(name, '0')}m{prefix}\033[0m"
        self.text(f"{prefix} {text}")

    def settle(self) -> None:
        """From now on only write down what is routine."""
        self.is_settled = self.journal is not None

    def text(self, text: str) -> None:
        """Print a line, or several, as they are."""
        self._outlet.write(text.encode(errors="replace") + b"\n")

    def _note(self, text: str) -> None:
        """Append to the journal; a full disk must not stop the portal (F111)."""
        if self.journal is None:
            return
        with suppress(OSError):
            if self.journal.exists() and self.journal.stat().st_size > LARGEST_JOURNAL:
                self.journal.replace(self.journal.with_suffix(".1.log"))
            with self.journal.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text + "\n")
