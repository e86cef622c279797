"""The story of a batch, told on Django's connection."""

import json
from typing import Any

from django.db import connection

from patients.intake.bodies import read_report
from patients.intake.claims import bearer_of
from patients.intake.columns import as_text
from patients.intake.jobs import Job
from patients.intake.writing import write
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
    told = []
    story = write(jobs, Lane.ORDINARY)
    sql, parameters = next(story)
    with acting(by=INTAKE_ACCOUNT), connection.cursor() as cursor:
        while True:
            told.append(sql)
            cursor.execute(sql, as_text(parameters))
            try:
                sql, parameters = story.send(cursor.fetchall())
            except StopIteration:
                return told
