"""Rotates keys in a process of its own and tells each batch; the parent says when to go on.

Run as `python -m tests.patients.services.rotation_child BATCH`.
"""

import sys

import django

django.setup()

from patients.services.key_rotation import rotate_keys  # noqa: E402 - after setup
from portal.core import clock  # noqa: E402


def tell(text: str) -> None:
    """Say one line to the parent."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Wait for a line before each batch; tell how many rows are done after it is committed."""
    rotation = rotate_keys(at=clock.now(), batch=int(sys.argv[1]))
    tell("ready")
    while sys.stdin.readline():
        step = next(rotation, None)
        if step is None:
            tell("finished")
            return
        tell(str(step.done))


if __name__ == "__main__":
    main()
