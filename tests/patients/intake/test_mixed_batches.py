"""What a batch is answered does not hang on whom it came with."""

from typing import Any

import pytest
from django.db import connection

from patients.intake.claims import bearer_of
from patients.intake.jobs import STORED, Job
from portal.accounts.models import Session, User
from portal.accounts.services.devices import issue_device_token
from portal.accounts.services.sessions import revoke_session
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.patients.intake.phones import Ward, reading, report
from tests.patients.intake.story import job_of, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("names_devices", [False, True])
def test_each_of_a_batch_is_judged_as_if_it_had_come_alone(ward: Ward, names_devices: bool) -> None:
    """Some are the gate's to write, some the facts' to write, and some are nobody's."""
    vitals = [reading(), reading(device_id="bed-1"), reading(device_id="bed-2")]
    kept = {"vitals": vitals if names_devices else vitals[:1]}
    system, at = User.objects.get(pk=SYSTEM_ACCOUNT), clock.now()
    lost = issue_device_token(
        user=User.objects.get(username="phone-0"),
        patient_id=ward.patient.pk,
        device_id="lost",
        by=system,
        at=at,
        reason="test",
    )
    session = Session.objects.get(pk=bearer_of(lost.encode(), clock.now()).session)
    revoke_session(session=session, by=system, at=clock.now(), reason="lost")
    old = {"authored_at": "2001-01-01T00:00:00+00:00", **kept}
    first, changed = report(ward.patient, **kept), report(ward.patient, **kept)
    tell([job_of(first, ward.token), job_of(changed, ward.token)])
    batch = [
        (report(ward.patient, **kept), ward.token),
        (report(ward.patient, **old), ward.token),
        (first, ward.token),
        ({**changed, "answers": {"pain": 9}}, ward.token),
        (report(ward.patient, **kept), ward.other_token),
        (report(ward.patient, **kept), lost),
        (report(ward.other, **kept), ward.other_token),
        (report(ward.patient, instrument_version="7.7", **kept), ward.token),
    ]

    def became(jobs: list[Job]) -> list[Any]:
        found = []
        for job in jobs:
            assert job.outcome is not None and job.upload is not None
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT disposition, foreign_readings FROM patients_eproreport "
                    "WHERE submission_id = %s",
                    [job.upload.submission_id],
                )
                outcome = job.outcome
                found.append([outcome.code, outcome.is_replayed, job.foreign, cursor.fetchall()])
        return found

    together = [job_of(*sent) for sent in batch]
    tell(together)
    alone = [
        job_of({**body, "submission_id": str(uuid7())} if place in (0, 1, 4, 5, 6, 7) else body, by)
        for place, (body, by) in enumerate(batch)
    ]
    for job in alone:
        tell([job])

    assert became(together) == became(alone)
    assert [job.outcome and job.outcome.code for job in together] == [
        STORED,
        STORED,
        STORED,
        "submission_conflict",
        "not_found",
        "token_revoked",
        STORED,
        STORED,
    ]
    ours = (STORED, "submission_conflict")
    assert all(
        bool(job.foreign) == (names_devices and job.outcome.code in ours)
        for job in together
        if job.outcome is not None
    )
