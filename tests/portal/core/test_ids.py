"""Identifiers that are made by the thousand."""

import os
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from portal.core.ids import uuid7_text

AT = datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)


def test_id_as_text_is_a_version_7_of_its_time() -> None:
    made = [uuid7_text(AT) for _ in range(1000)]

    ids = [UUID(text) for text in made]
    assert [str(one) for one in ids] == made
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert {one.int >> 80 for one in ids} == {int(AT.timestamp() * 1000)}
    assert len(set(ids)) == 1000


def test_variant_takes_all_its_four_forms() -> None:
    assert {uuid7_text(AT)[19] for _ in range(1000)} == set("89ab")


def test_child_process_draws_ids_of_its_own() -> None:
    uuid7_text(AT)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, uuid7_text(AT).encode())
        os._exit(0)
    os.wait()

    assert os.read(reader, 36).decode() not in {uuid7_text(AT) for _ in range(1000)}
