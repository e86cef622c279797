"""./run manage rotate_keys: bring all that is sealed under the current keys. Exit 0 or 1."""

import sys
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from patients.services.key_rotation import BATCH, Rotation, rotate_keys
from portal.core import clock
from portal.core.sealed import KeyMissing, key_ring
from portal.notices.services.push import rotate_addresses

BAR = 30
SHOWN = 20


class Command(BaseCommand):
    """Seal personal data anew, while the portal runs; begin again at any time."""

    help = "Seal personal data anew under the first key of IDENTITY_KEYS and IDENTITY_INDEX_KEY"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how many rows one transaction takes."""
        parser.add_argument("--batch", type=_positive, default=BATCH, metavar="N",
                            help=f"rows in one transaction ({BATCH})")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say what stands under which key. Raises: CommandError with status 1."""
        rotation = Rotation(total=0)
        try:
            for rotation in rotate_keys(at=clock.now(), batch=options["batch"]):
                self._draw(rotation)
            told, shut = rotate_addresses(batch=options["batch"], at=clock.now())
        except KeyMissing as error:
            raise CommandError("IDENTITY_KEYS or IDENTITY_INDEX_KEY is missing") from error
        refused = [f"identity {key}" for key in rotation.refused]
        refused += [f"push subscription {key}" for key in shut]
        for name in refused[:SHOWN]:
            self.stderr.write(f"NOT OPENED: {name}")
        if refused:
            raise CommandError(
                f"{rotation.done} identities and {told} push subscriptions sealed anew, "
                f"{len(refused)} do not open: "
                "give back the key that sealed them (docs/runbooks/keys.md)"
            )
        self.stdout.write(
            f"{rotation.done} identities sealed anew and {told} push subscriptions, "
            f"all under {key_ring().current}"
        )

    def _draw(self, rotation: Rotation) -> None:
        if not sys.stderr.isatty():
            return
        seen = rotation.done + len(rotation.refused)
        part = min(1.0, seen / rotation.total) if rotation.total else 1.0
        bar = "█" * int(BAR * part) + "·" * (BAR - int(BAR * part))
        sys.stderr.write(f"\r\x1b[K{bar} {part:4.0%} {seen}/{rotation.total} identities")
        sys.stderr.write("\n" if part == 1.0 else "")
        sys.stderr.flush()


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10_000:
        raise ArgumentTypeError("a number of rows from 1 to 10000")
    return int(text)
