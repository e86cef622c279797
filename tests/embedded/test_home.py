import base64
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.sealed import parse_ring
from portal.embedded.errors import StartError
from portal.embedded.home import (
    SECRETS,
    Home,
    private_folder,
    read_assignments,
    without_keys,
    write_failure,
)
from tests.embedded.conftest import clean_environment


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "data")
    home.prepare()
    return home


@pytest.fixture
def small_disk(as_root: None, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_keys_are_long_different_private_and_stay(home: Home) -> None:
    keys = home.load_secrets()
    assert len(set(keys.values())) == len(keys) == 5
    # Web push signs with a P-256 key: 32 octets.
    assert len(base64.urlsafe_b64decode(keys.pop("PORTAL_VAPID_KEY") + "=")) == 32
    assert all(len(key) >= 50 for key in keys.values())
    keys = home.load_secrets()
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o600
    assert home.load_secrets() == keys


def test_a_key_that_came_later_is_added_and_the_others_stay(home: Home) -> None:
    home.secrets.write_text("SECRET_KEY=" + "k" * 60 + "\n")
    keys = home.load_secrets()
    assert keys["SECRET_KEY"] == "k" * 60
    assert len(keys["JWT_SIGNING_KEY"]) >= 50


def test_key_of_personal_data_made_anew_has_another_id(home: Home) -> None:
    first = home.load_secrets()["IDENTITY_KEYS"]
    home.secrets.unlink()
    second = home.load_secrets()["IDENTITY_KEYS"]
    assert len({first.partition(":")[0], second.partition(":")[0]}) == 2
    assert parse_ring(f"{first},{second}").current == first.partition(":")[0]


def test_servers_get_no_key_of_the_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "k" * 60)
    assert not SECRETS.keys() & without_keys().keys()
    assert "PATH" in without_keys()


def test_folder_is_for_one_command_at_a_time(home: Home) -> None:
    with home.lock("./run"):
        assert home.holder() == f"./run (process {os.getpid()})"
        with pytest.raises(StartError, match=r"\./run \(process \d+\) already uses"):
            home.lock("./run manage")
    assert home.holder() == ""


def test_long_or_odd_paths_get_a_short_socket_folder(tmp_path: Path) -> None:
    for name in ("x" * 120, "a folder with spaces"):
        folder = Home(tmp_path / name).socket_folder()
        try:
            assert len(str(folder)) < 80
            assert " " not in str(folder)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        finally:
            folder.rmdir()


def test_socket_folder_that_is_somebody_elses_is_refused(as_root: None, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(StartError, match="belongs to somebody else"):
        private_folder(folder)


def test_socket_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path)
    with pytest.raises(StartError, match="belongs to somebody else"):
        private_folder(tmp_path / "run")


def test_unwritable_folder_is_one_line_that_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portal.embedded", "--no-demo"],
        env=clean_environment(PORTAL_DATA="/proc/no-such-place"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("run: cannot write to /proc/no-such-place")
    assert "PORTAL_DATA" in done.stderr
    assert done.stderr.count("\n") == 1


def test_small_disk_is_one_line_that_says_what_to_do(small_disk: Path) -> None:
    with pytest.raises(StartError, match=r"only \d+ MB are free .* PORTAL_DATA"):
        Home(small_disk / "data").prepare()


def test_full_disk_is_one_line_that_says_what_to_do(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "ballast").write_bytes(b"x" * 2**25)
    with pytest.raises(StartError, match=r"no space is left .* PORTAL_DATA"):
        Home(small_disk / "data").prepare()


def test_reason_of_a_failed_write_is_kept() -> None:
    denied = write_failure(Path("/x"), PermissionError(errno.EACCES, "Permission denied"))
    assert "Permission denied" in str(denied)


def test_settings_file_may_hold_comments_quotes_and_exports(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nexport A='1 2'\nB=x=y # why\n#C=3\nD=\n")
    assert read_assignments(file) == {"A": "1 2", "B": "x=y", "D": ""}
