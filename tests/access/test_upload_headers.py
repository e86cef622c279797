"""The upload path is answered before Django's middleware: the same headers all the same."""

import asyncio

import pytest

from tests.access.test_headers import told_wrong
from tests.http_server import serving
from tests.patients.intake.both_ways import Counted, exchange
from tests.patients.intake.conftest import client, ward
from tests.patients.intake.phones import Client, Ward
from tests.patients.intake.test_protocol import CASES, in_thread

__all__ = ["client", "ward"]


@pytest.mark.req("F110")
@pytest.mark.django_db(transaction=True)
async def test_no_answer_of_the_upload_path_is_without_headers_or_may_be_kept(
    ward: Ward, client: Client
) -> None:
    answers = []
    async with serving(Counted) as (_, port):
        for case, (make, _) in CASES.items():
            pieces = await asyncio.to_thread(in_thread, make, ward)
            _, lines, _ = (await exchange(port, pieces))[0]
            headers = dict(line.split(": ", 1) for line in lines)
            # Whoever speaks no HTTP is answered by the server, before any application.
            if case != "no HTTP":
                answers.append((case, {name.title(): text for name, text in headers.items()}))
    assert told_wrong(answers) == []
