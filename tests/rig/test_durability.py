"""What is asserted of the servers before anything else: a commit that was answered is on disk."""

import pytest

from tests.rig.bed import Bed


@pytest.mark.req("F20")
@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_the_rigs_server_keeps_what_it_commits(bed: Bed, setting: str) -> None:
    with bed.superuser() as asked:
        assert asked.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_rows_of_a_committed_transaction_outlive_a_killed_server(bed: Bed) -> None:
    # In a database beside the portal's: its owner may not grant what is not its own.
    with bed.superuser("postgres") as asked:
        asked.execute("CREATE TABLE kept AS SELECT 1 AS n")
    bed.kill_postgres()
    with bed.superuser("postgres") as asked:
        assert asked.execute("SELECT n FROM kept").fetchone() == (1,)
        asked.execute("DROP TABLE kept")
