import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from portal.demo_accounts import DEMO_ACCOUNTS
from portal.embedded.addresses import allowed_hosts, is_loopback, ready_block
from portal.embedded.home import Home
from portal.embedded.program_table import PROGRAMS, SIMULATION
from tests.embedded.conftest import RunningPortal, clean_environment, wait_for


def answers(portal: RunningPortal) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{portal.port}/readyz", timeout=3) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


PROGRAM_WORDS = (
    "uvicorn",
    "celery --quiet -A portal worker",
    "celery --quiet -A portal beat",
)


def test_killed_programs_come_back_and_term_leaves_nothing(used_portal: RunningPortal) -> None:
    used_portal.start()
    assert answers(used_portal)
    killed = {words: used_portal.pid_of(words) for words in PROGRAM_WORDS}
    assert all(killed.values()), killed
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)

    def all_are_back() -> bool:
        now = {words: used_portal.pid_of(words) for words in PROGRAM_WORDS}
        return all(now[words] not in {0, killed[words]} for words in PROGRAM_WORDS)

    assert wait_for(all_are_back), used_portal.text()
    assert wait_for(lambda: answers(used_portal)), used_portal.text()

    os.kill(used_portal.pid_of("valkey-server"), signal.SIGKILL)
    os.kill(used_portal.pid_of("bin/postgres -D"), signal.SIGKILL)
    assert wait_for(lambda: "Postgres had ended" in used_portal.text()), used_portal.text()
    assert wait_for(lambda: answers(used_portal)), used_portal.text()

    assert used_portal.terminate() < 5
    assert used_portal.process is not None
    assert used_portal.process.returncode == 0
    assert wait_for(lambda: not used_portal.processes(), 2), used_portal.processes()


def test_killed_supervisor_takes_all_along_and_the_next_start_recovers(
    used_portal: RunningPortal,
) -> None:
    used_portal.start()
    for words in PROGRAM_WORDS:
        names = used_portal.settings_of(used_portal.pid_of(words))
        assert "DATABASE_URL" in names
        assert "DATABASE_OWNER_URL" not in names, "only migrate knows who owns the tables"
    assert used_portal.process is not None
    used_portal.process.kill()
    used_portal.process.wait()
    assert wait_for(lambda: not used_portal.processes(), 5), used_portal.processes()

    used_portal.start()
    assert answers(used_portal)
    assert "migrate|" not in used_portal.text(), "nothing has changed, so nothing is migrated"
    home = Home(used_portal.folder)
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.servers.stat().st_mode) == 0o600


def test_start_that_is_interrupted_ends_at_once_and_leaves_nothing(portal: RunningPortal) -> None:
    portal.launch()
    assert wait_for(lambda: "migrate|" in portal.text()), portal.text()
    assert portal.terminate(signal.SIGINT) < 5
    assert portal.process is not None
    assert portal.process.returncode == 0
    assert wait_for(lambda: not portal.processes(), 2), portal.processes()
    assert "Traceback" not in portal.text()


def test_second_run_in_one_folder_says_so_in_one_line(portal: RunningPortal) -> None:
    Home(portal.folder).prepare()
    with Home(portal.folder).lock("./run"):
        refused = portal.run_again()
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"already uses {portal.folder}" in refused.stderr


def test_taken_port_says_so_in_one_line_and_offers_another(portal: RunningPortal) -> None:
    with socket.create_server(("127.0.0.1", portal.port)):
        refused = portal.run_again()
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"run: port {portal.port} is taken:")
    assert "--port" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not portal.processes()


def test_wrong_port_setting_is_one_line(portal: RunningPortal) -> None:
    command = portal.command()[:-2]
    portal.command = lambda: command  # type: ignore[method-assign]
    refused = portal.run_again(PORTAL_PORT="eighty")
    assert refused.returncode == 1
    assert refused.stderr.startswith("run: PORTAL_PORT is not a port")
    assert refused.stderr.count("\n") == 1


def test_demo_is_refused_where_others_could_reach_it(portal: RunningPortal) -> None:
    command = [word for word in portal.command() if word != "--no-demo"] + ["--host", "0.0.0.0"]
    portal.command = lambda: command  # type: ignore[method-assign]
    refused = portal.run_again()
    assert refused.returncode == 1
    assert "password is public" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_folder_with_the_demo_is_not_opened_to_others(portal: RunningPortal) -> None:
    Home(portal.folder).prepare()
    Home(portal.folder).demo.write_text('{"demo": true}')
    command = [*portal.command(), "--host", "0.0.0.0"]
    portal.command = lambda: command  # type: ignore[method-assign]
    refused = portal.run_again()
    assert refused.returncode == 1
    assert "holds the demo" in refused.stderr


def test_supervisor_stays_small_because_it_does_not_import_django() -> None:
    code = (
        "import sys, portal.embedded.__main__;"
        "names = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(names & {'django', 'psycopg', 'celery'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_web_stops_first_and_the_others_together_within_four_seconds() -> None:
    web, *others = PROGRAMS
    assert [program.name for program in PROGRAMS][:3] == ["web", "beat", "worker"]
    assert SIMULATION.stop_seconds + web.stop_seconds + max(o.stop_seconds for o in others) < 4


def test_ready_block_names_addresses_and_every_demo_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PORTAL_DEMO_PASSWORD", raising=False)
    block = ready_block("0.0.0.0", 8000, seconds=3.0, demo=True)
    assert "http://127.0.0.1:8000/admin/" in block
    assert all(account.usernames[0] in block and account.role in block for account in DEMO_ACCOUNTS)
    assert "portal-demo" in block


def test_ready_block_does_not_print_a_password_of_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORTAL_DEMO_PASSWORD", "a secret of mine")
    assert "a secret of mine" not in ready_block("127.0.0.1", 8000, seconds=3.0, demo=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_this_machine_only(host: str) -> None:
    assert is_loopback(host)
    assert allowed_hosts(host) == "localhost,127.0.0.1,[::1]"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "portal.example.org"])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
