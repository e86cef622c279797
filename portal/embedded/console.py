"""What ./run prints: the lines of its programs, each with its program's name before it."""

import os
import sys

COLORS = {"web": "36", "worker": "35", "beat": "33", "migrate": "34", "demo": "32", "run": "1"}
WIDTH = 7


class Console:
    """Writes whole lines to standard output; when nobody reads them any more, it falls silent."""

    def __init__(self) -> None:
        self.colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.open = True

    def line(self, name: str, text: str) -> None:
        """Print one line of a program."""
        prefix = f"{name:<{WIDTH}}|"
        if self.colored:
            prefix = f"\033[{COLORS.get(name, '0')}m{prefix}\033[0m"
        self.text(f"{prefix} {text}")

    def text(self, text: str) -> None:
        """Print a line, or several, as they are."""
        if not self.open:
            return
        try:
            sys.stdout.buffer.write(text.encode(errors="replace") + b"\n")
            sys.stdout.buffer.flush()
        except (BrokenPipeError, OSError, ValueError):
            self.open = False
