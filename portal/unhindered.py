"""Lines for whoever reads them, who is waited for an instant at most: no log holds up a request."""

import os
import select

# What a pipe that takes anything takes whole.
PIECE = select.PIPE_BUF


class Outlet:
    """A file descriptor that gets whole lines, or does without them.

    A terminal that is stopped, a pipe that nobody empties, a full disk (F111): what does not fit is
    left out. A reader who is behind gets `seconds`, and then none until he has caught up. A line
    that was cut short ends where the next one begins.
    """

    def __init__(self, descriptor: int, seconds: float) -> None:
        self._descriptor = descriptor
        self._seconds = self._patience = seconds
        self._is_torn = False

    def write(self, line: bytes) -> bool:
        """Write a line with its end; tell whether it was taken."""
        left = memoryview(b"\n" + line if self._is_torn else line)
        try:
            while left:
                if not select.select([], [self._descriptor], [], self._patience)[1]:
                    raise BlockingIOError
                written = os.write(self._descriptor, left[:PIECE])
                left, self._is_torn = left[written:], True
        except (OSError, ValueError):
            self._patience = 0.0
            return False
        self._is_torn, self._patience = False, self._seconds
        return True
