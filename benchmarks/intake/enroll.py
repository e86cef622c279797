"""Enroll patients in an empty portal and write `patient<TAB>token` lines: enroll.py COUNT FILE."""

import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from portal.core import clock  # noqa: E402
from portal.demo.simulation.cohort import make_cohort  # noqa: E402

if __name__ == "__main__":
    pairs = make_cohort("LOAD-1", int(sys.argv[1]), clock.now())
    Path(sys.argv[2]).write_text("".join(f"{patient}\t{token}\n" for patient, token in pairs))
