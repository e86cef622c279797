"""Phones handed out to the patients of a trial."""

from collections.abc import Iterator
from datetime import datetime
from itertools import cycle, islice
from uuid import UUID

from django.db.models import QuerySet

from patients.models import Patient
from patients.services.accounts import open_patient_accounts
from patients.vocabulary import Participation
from portal.accounts.models import User
from portal.accounts.services.devices import issue_device_tokens
from portal.core.errors import RuleBroken
from portal.core.history import acting
from trials.models import Trial

# A diary is kept from enrollment to the end of follow-up.
KEEPS_A_DIARY = (Participation.ENROLLED, Participation.RANDOMIZED, Participation.IN_FOLLOW_UP)


class NobodyKeepsADiary(RuleBroken):
    """The trial has no enrolled patient with an active account."""

    code = "nobody_keeps_a_diary"


def hand_out_phones(
    *,
    trial: Trial,
    count: int | None,
    by: User,
    at: datetime,
    reason: str,
    device_id: str = "",
) -> Iterator[tuple[UUID, str]]:
    """Yield `count` pairs of patient and device token, in the order of the subject numbers.

    None: one for each enrolled patient. Where `count` is more than there are patients, each is
    given several phones in turn. Patients without an account get one.
    Locks: the rows of the patients. Raises: NobodyKeepsADiary.
    """
    enrolled = Patient.objects.filter(trial=trial, participation__in=KEEPS_A_DIARY)
    with acting(by=by, at=at, reason=reason):
        chosen = list(_without_the_deactivated(enrolled)[:count])
        open_patient_accounts(patients=chosen, by=by, at=at, reason=reason)
        patients = list(
            enrolled.filter(pk__in=[patient.pk for patient in chosen])
            .select_related("account")
            .order_by("subject_number")
        )
        if not patients:
            raise NobodyKeepsADiary()
        owners = [(p.account, p.pk) for p in islice(cycle(patients), count or len(patients))]
        phones = [(account, key) for account, key in owners if account is not None]
        tokens = issue_device_tokens(
            phones=phones, device_id=device_id, by=by, at=at, reason=reason
        )
    return zip((key for _account, key in phones), tokens, strict=True)


def _without_the_deactivated(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    return patients.exclude(account__is_active=False).order_by("subject_number")
