"""The patient's own account."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import connection

from patients.models import Patient
from portal.access import grants
from portal.access.grants import Grant, People
from portal.access.roles import ROLES
from portal.accounts.models import User, UserKind
from portal.core.bulk import copy_in
from portal.core.history import acting
from portal.core.ids import uuid7

_PART = 1_000


@grants.source
def grants_of_patients(people: People, at: datetime) -> Iterator[Grant]:
    """Yield what patients may see: their own record."""
    patients = Patient.objects.filter(account__isnull=False).order_by("id")
    if people is not None:
        patients = patients.filter(account__in=people)
    for pk, account_id, created_at in patients.values_list("pk", "account_id", "created_at"):
        yield Grant(
            user=account_id,
            permissions=ROLES["patient"].permissions,
            anchor="patient",
            anchor_id=pk,
            valid_from=created_at,
        )


def open_patient_accounts(
    *, patients: Sequence[Patient], by: User, at: datetime, reason: str
) -> int:
    """Give those of `patients` an account who have none; return how many were made.

    Nobody can sign in with it until a password is set; phones are given device tokens. The name is
    made from the patient's id, so it tells nothing of the person. Many at once cost little.
    Locks: the rows of the patients.
    """
    with acting(by=by, at=at, reason=reason):
        locked = Patient.objects.select_for_update().order_by("id")
        keys = [patient.pk for patient in patients]
        without = list(locked.filter(pk__in=keys, account__isnull=True))
        accounts = [_account(patient, at) for patient in without]
        copy_in(User, accounts)
        _link([patient.pk for patient in without], [row["id"] for row in accounts])
        grants.sync(at=at, people=[row["id"] for row in accounts])
    return len(accounts)


def _account(patient: Patient, at: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(at),
        "created_at": at,
        "username": f"patient-{patient.pk}",
        "display_name": patient.subject_number,
        "kind": UserKind.PATIENT,
        "password": UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20),
    }


def _link(patients: list[UUID], accounts: list[UUID]) -> None:
    """Write the accounts to the patients, by the place of each in the two lists.

    No join, whose plan would hang on fresh statistics; a part's length bounds the search in it.
    """
    with connection.cursor() as cursor:
        for begin in range(0, len(patients), _PART):
            part = patients[begin : begin + _PART]
            cursor.execute(
                "UPDATE patients_patient "
                "SET account_id = (%s::uuid[])[array_position(%s::uuid[], id)] "
                "WHERE id = ANY(%s::uuid[])",
                [accounts[begin : begin + _PART], part, part],
            )
