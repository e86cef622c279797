"""Who goes first where processors are scarce: those who answer somebody."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

# A tenth of the weight of a process that answers; what waits meanwhile is late, never lost.
_STEPS = 10
_SESSION = Path("/proc/self/autogroup")


@cache
def give_way() -> None:
    """Let this process and its children work after those that answer; once for a process.

    Linux may weigh whole sessions against each other, and processes only inside of one: a program
    with a session of its own says it for the session too, or it would have said it to nobody.
    Source: sched(7), the autogroup feature.
    """
    os.nice(_STEPS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # another system, or one that does not weigh sessions
            _SESSION.write_text(str(_STEPS))
