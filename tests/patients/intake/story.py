"""The story of a batch, told on Django's connection."""

import json
from typing import Any

from django.db import connection

from patients.intake.bodies import read_report
from patients.intake.claims import bearer_of
from patients.intake.jobs import Job
from patients.intake.lines import tell_at_once
from patients.intake.writing import Story, write
from patients.vocabulary import UploadResource
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import INTAKE_ACCOUNT, uuid7_text
from portal.outbox.kinds import Lane


def job_of(body: dict[str, Any], token: str) -> Job:
    """Return the job of a report."""
    at = clock.now()
    raw = json.dumps(body).encode()
    return Job(
        id=uuid7_text(at),
        bearer=bearer_of(token.encode(), at),
        received_at=at,
        resource=UploadResource.EPRO_REPORT,
        raw=raw,
        upload=read_report(raw, at),
    )


def tell(jobs: list[Job]) -> list[str]:
    """Write reports as one batch; return the statements that it took."""
    told: list[str] = []

    def heard() -> Story:
        story = write(jobs, Lane.ORDINARY)
        sql, parameters = next(story)
        while True:
            told.append(sql)
            rows = yield sql, parameters
            try:
                sql, parameters = story.send(rows)
            except StopIteration:
                return

    with acting(by=INTAKE_ACCOUNT):
        tell_at_once(connection.connection, heard())
    return told
