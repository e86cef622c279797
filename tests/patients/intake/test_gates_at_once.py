"""Two who change what stands behind one gate at the same time leave a gate that knows both."""

from datetime import timedelta
from uuid import UUID

import pytest

from portal.accounts.models import Session, User
from portal.core import clock
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.access.world import BEGAN
from tests.patients.intake.gatekeeping import Gate, Owner, Statement, gate_of, meanwhile
from tests.patients.intake.phones import Ward

HOUR = timedelta(hours=1)
EITHER_FIRST = pytest.mark.parametrize("is_turned", [False, True])


def in_order(first: Statement, second: Statement, *, is_turned: bool) -> tuple[Statement, ...]:
    return (second, first) if is_turned else (first, second)


def account() -> User:
    return User.objects.get(username="phone-0")


def phone(ward: Ward) -> Session:
    return Session.objects.get(patient_id=ward.patient.pk)


def consent(ward: Ward, *, yes: bool) -> Statement:
    return (
        "UPDATE patients_consent SET choices = jsonb_build_object('main', %s::bool), "
        "signed_at = signed_at + interval '1 hour' WHERE patient_id = %s",
        [yes, ward.patient.pk],
    )


def revoke(session: Session) -> Statement:
    return (
        "UPDATE accounts_session SET revoked_at = now(), revoked_reason = 'revoked', "
        "revoked_by_id = %s WHERE id = %s AND revoked_at IS NULL",
        [SYSTEM_ACCOUNT, session.pk],
    )


def come(ward: Ward, key: UUID) -> Statement:
    return (
        "INSERT INTO accounts_session (id, created_at, version, user_id, kind, patient_id, "
        "expires_at, revoked_reason, session_version, user_agent, device_id) "
        "VALUES (%s, now(), 1, %s, 'device', %s, %s, '', %s, '', '')",
        [
            key,
            account().pk,
            ward.patient.pk,
            clock.now() + timedelta(days=900),
            account().session_version,
        ],
    )


def end_all() -> Statement:
    return (
        "UPDATE accounts_user SET session_version = session_version + 1 WHERE id = %s",
        [account().pk],
    )


def close(site: UUID) -> Statement:
    return "UPDATE trials_site SET closed_at = now() WHERE id = %s", [site]


@EITHER_FIRST
def test_move_and_consent(ward: Ward, owner: Owner, is_turned: bool) -> None:
    move = (
        "UPDATE patients_patientsite SET from_at = from_at + interval '1 hour' "
        "WHERE patient_id = %s",
        [ward.patient.pk],
    )
    first, second = in_order(consent(ward, yes=False), move, is_turned=is_turned)
    meanwhile(owner, [first], second)

    assert not gate_of(owner, ward.patient).is_open
    owner.execute(*consent(ward, yes=True))  # type: ignore[arg-type]  # SQL of the test's own
    assert gate_of(owner, ward.patient).from_at == BEGAN + 2 * HOUR


@EITHER_FIRST
def test_lost_phone_and_consent(ward: Ward, owner: Owner, is_turned: bool) -> None:
    lost = phone(ward)
    first, second = in_order(revoke(lost), consent(ward, yes=True), is_turned=is_turned)
    assert gate_of(owner, ward.patient).sessions == [lost.pk]
    meanwhile(owner, [first], second)

    assert gate_of(owner, ward.patient) == Gate(True, BEGAN + HOUR, None, None)


@EITHER_FIRST
@pytest.mark.parametrize("is_deactivated", [False, True])
def test_new_phone_and_end_of_all_sessions(
    ward: Ward, owner: Owner, is_turned: bool, is_deactivated: bool
) -> None:
    owner.execute(*revoke(phone(ward)))  # type: ignore[arg-type]  # SQL of the test's own
    end = end_all()
    if is_deactivated:
        end = "UPDATE accounts_user SET is_active = false WHERE id = %s", end[1]
    new = uuid7()
    first, second = in_order(come(ward, new), end, is_turned=is_turned)
    meanwhile(owner, [first], second)

    assert Session.objects.filter(pk=new).exists()
    assert gate_of(owner, ward.patient).sessions is None


@EITHER_FIRST
def test_two_new_phones(ward: Ward, owner: Owner, is_turned: bool) -> None:
    keys = [uuid7(), uuid7()]
    first, second = in_order(come(ward, keys[0]), come(ward, keys[1]), is_turned=is_turned)
    meanwhile(owner, [first], second)

    assert set(gate_of(owner, ward.patient).sessions or ()) == {*keys, phone_of_old(ward, keys)}


def phone_of_old(ward: Ward, new: list[UUID]) -> UUID:
    return Session.objects.exclude(pk__in=new).get(patient_id=ward.patient.pk).pk


def test_lost_phone_and_end_of_all_sessions_do_not_wait_for_each_other(
    ward: Ward, owner: Owner
) -> None:
    lost = phone(ward)
    meanwhile(owner, [end_all(), revoke(lost)], revoke(lost))

    assert gate_of(owner, ward.patient).sessions is None


@EITHER_FIRST
@pytest.mark.parametrize("table", ["patients_patient", "patients_patientsite"])
def test_move_to_a_site_that_closes(ward: Ward, owner: Owner, is_turned: bool, table: str) -> None:
    new_site = next(
        s for s in ward.world.sites if s.trial_id == ward.patient.trial_id and s != ward.site
    )
    owned = "id" if table == "patients_patient" else "patient_id"
    move = (f"UPDATE {table} SET site_id = %s WHERE {owned} = %s", [new_site.pk, ward.patient.pk])
    if table == "patients_patient":
        # Without a stay, the present site is where the patient is.
        owner.execute("DELETE FROM patients_patientsite WHERE patient_id = %s", [ward.patient.pk])
    first, second = in_order(move, close(new_site.pk), is_turned=is_turned)
    meanwhile(owner, [first], second)

    assert not gate_of(owner, ward.patient).is_open
