"""./run manage check_audit_export FILE: is an exported trail whole and unchanged? Exit 0 or 1."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.audit.export_file import Altered, CutOff, check_file


class Command(BaseCommand):
    """Recompute the digest of an exported trail and compare it with the file's last line."""

    help = "Check that an exported audit trail is whole and unchanged; exit 1 if not"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Check, and say how many rows there are."""
        path: Path = options["file"]
        try:
            with path.open("rb") as lines:
                rows = check_file(lines)
        except (CutOff, Altered) as error:
            raise CommandError(
                f"{path}: {' '.join((type(error).__doc__ or '').split())}"
            ) from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"OK: {rows} rows, whole and unchanged")
