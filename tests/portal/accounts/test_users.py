"""Accounts are made by somebody, for a reason, and each name once."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from portal.accounts.models import User, UserKind
from portal.accounts.services import users
from portal.accounts.services.credentials import InvalidCredentials
from portal.accounts.services.sessions import Tokens
from portal.accounts.services.users import UsernameTaken
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.history import acting
from portal.core.ids import SERVICE_ACCOUNTS

pytestmark = pytest.mark.django_db


def test_service_accounts_have_their_fixed_ids_and_nobody_signs_in_with_them(
    sign_in: Callable[..., Tokens], db: None
) -> None:
    made = User.objects.filter(kind=UserKind.SERVICE)

    assert {user.username: user.pk for user in made} == SERVICE_ACCOUNTS
    for user in made:
        assert not user.has_usable_password()
        with pytest.raises(InvalidCredentials):
            sign_in(user.username, password=user.password)


def test_account_is_made_by_somebody_for_a_reason(
    make_person: Callable[..., User], system: User
) -> None:
    omar = make_person("omar", reason="new coordinator at site A")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT acted_by, acted_reason FROM audit.accounts_userhistory WHERE pgh_obj_id = %s",
            [omar.pk],
        )
        assert cursor.fetchall() == [(system.pk, "new coordinator at site A")]


@pytest.mark.parametrize("again", ["ines", "INES", "Ｉnes"])
def test_no_name_is_given_twice(again: str, ines: User, make_person: Callable[..., User]) -> None:
    with pytest.raises(UsernameTaken):
        make_person(again)


def test_name_of_a_deactivated_account_stays_taken(
    ines: User, make_person: Callable[..., User], system: User
) -> None:
    users.deactivate_user(user=ines, by=system, at=clock.now(), reason="has left")

    with pytest.raises(UsernameTaken):
        make_person("ines")


@pytest.mark.parametrize(
    "password", ["short", "1qaz2wsx3edc", "investigator-ines", "Doctor Ines Moreno"]
)
def test_weak_password_is_refused_with_its_reason(
    password: str, make_person: Callable[..., User]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make_person("investigator-ines", display_name="Doctor Ines Moreno", password=password)

    assert refused.value.errors
    assert {error.pointer for error in refused.value.errors} == {"/password"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("username", ""), ("email", "no address"), ("display_name", "x" * 201), ("kind", "robot")],
)
def test_field_that_is_not_valid_is_named(
    field: str, value: str, make_person: Callable[..., User]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make_person(**{"username": "omar", field: value})

    assert [error.pointer for error in refused.value.errors] == [f"/{field}"]


def test_only_what_is_shown_of_an_account_can_be_changed(ines: User, system: User) -> None:
    changed = users.change_user(
        user=ines, display_name="Dr. Ines", by=system, at=clock.now(), reason="title"
    )
    assert (changed.display_name, changed.version) == ("Dr. Ines", 2)

    with pytest.raises(InvalidInput):
        users.change_user(
            user=ines, is_staff="yes", by=system, at=clock.now(), reason="wants the admin"
        )


def test_nobody_is_a_superuser(ines: User) -> None:
    with (
        pytest.raises(IntegrityError, match="nobody_is_superuser"),
        transaction.atomic(),
        acting(by=ines),
    ):
        User.objects.filter(pk=ines.pk).update(is_superuser=True)


def test_account_cannot_be_deleted(ines: User) -> None:
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        acting(by=ines, reason="erase"),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM accounts_user WHERE id = %s", [ines.pk])


@pytest.mark.parametrize(
    "password",
    [
        "aaaa bbbb cccc dddd",
        "  blanks before and behind  ",
        "密码没有任何规则也可以很长",
        "UPPER AND lower",
        "x9" * 100,
        "tab\tand \"quotes\" 'too'",
    ],
)
def test_password_of_any_characters_is_taken_exactly_as_typed(
    password: str, make_person: Callable[..., User], sign_in: Callable[..., Tokens]
) -> None:
    omar = make_person("omar", password=password)

    assert sign_in("omar", password=password).user == omar
    for other in (password + " ", password[:-1], password.swapcase() + "!", password.strip() + "."):
        with pytest.raises(InvalidCredentials):
            sign_in("omar", password=other)
