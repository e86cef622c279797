"""An import that the machine cuts short leaves nothing half done."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from patients.models import SourceRecord
from trials.models import Trial

pytestmark = pytest.mark.django_db

PROJECT = Path(__file__).resolve().parents[4]
# More than a segment of the write-ahead log (16 MB), less than the largest table of the study.
ROOM = 24 << 20


@pytest.fixture
def little_room() -> Iterator[None]:
    """Let no file of this connection's server process grow beyond ROOM, as on a full disk."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    assert row is not None
    try:
        before = resource.prlimit(row[0], resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
    except (AttributeError, PermissionError, ProcessLookupError):
        pytest.skip("the limits of the database's processes cannot be changed here")
    yield
    resource.prlimit(row[0], resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_is_one_line_and_leaves_nothing(
    real_data: Path, little_room: None
) -> None:
    with pytest.raises(CommandError, match=r"xpt, row \d+: .*nothing was imported"):
        call_command("import_sdtm", str(real_data / "cdisc_pilot"))
    assert not Trial.objects.exists()
    assert not SourceRecord.objects.exists()


def test_an_importer_that_is_killed_leaves_nothing(real_data: Path) -> None:
    command = [sys.executable, "manage.py", "import_sdtm", str(real_data / "cdisc_pilot")]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=os.environ.copy(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("CM:"):
            break
    process.send_signal(signal.SIGKILL)
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL
    assert not Trial.objects.exists()
    assert not SourceRecord.objects.exists()


def test_control_c_is_one_line_and_leaves_nothing(real_data: Path) -> None:
    command = [sys.executable, "manage.py", "import_sdtm", str(real_data / "cdisc_pilot")]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=os.environ.copy(),
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the suite in the background has it ignore Ctrl-C, children included.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("CM:"):
            break
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert said.splitlines()[-1] == "CommandError: Interrupted; nothing was imported."
    assert not Trial.objects.exists()
