"""What ./run shows, and what it only writes down."""

from portal.embedded.console import LARGEST_JOURNAL, Console

ROUTINE = '{"event": "task_succeeded", "level": "info"}'
WARNING = '{"event": "program_waits", "level": "warning"}'


def test_routine_lines_are_shown_until_the_portal_is_ready_and_written_down_always(
    tmp_path, capfdbinary
):
    console = Console(tmp_path / "portal.log")

    console.line("worker", ROUTINE)
    console.settle()
    console.line("worker", ROUTINE)
    console.line("relay", WARNING)
    console.line("run", "worker ended with code 1; it starts again in 0.2 s")

    shown = capfdbinary.readouterr().out.decode()
    assert shown.count("task_succeeded") == 1
    assert "program_waits" in shown
    assert "starts again" in shown
    assert (tmp_path / "portal.log").read_text().count("task_succeeded") == 2


def test_a_journal_that_grew_large_is_set_aside(tmp_path):
    journal = tmp_path / "portal.log"
    with journal.open("wb") as file:
        file.truncate(LARGEST_JOURNAL + 1)

    Console(journal).line("run", "stopping")

    assert journal.stat().st_size < 100
    assert (tmp_path / "portal.1.log").stat().st_size == LARGEST_JOURNAL + 1


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path, capfdbinary):
    console = Console(tmp_path / "missing" / "portal.log")

    console.line("run", "stopping")

    assert b"stopping" in capfdbinary.readouterr().out
