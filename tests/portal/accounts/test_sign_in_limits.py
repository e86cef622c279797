"""Guessing is limited per account and per address, and people never feel it (attack J15)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.db import connection
from pytest_django import Settings

from portal.accounts.models import SignInCounter, User
from portal.accounts.services import sign_in_limits, users
from portal.accounts.services.credentials import InvalidCredentials, check_credentials
from portal.accounts.services.sessions import Client, Tokens
from portal.accounts.services.sign_in_limits import (
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_ADDRESS,
    WINDOW,
    AccountLocked,
)
from portal.core import clock
from portal.core.errors import DomainError
from tests.portal.accounts.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.req("J15")]


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed: what a sign-in costs in time."""

    algorithm = "counting"
    runs = 0
    lock = threading.Lock()

    def encode(self, password: str, salt: str) -> str:
        with CountingHasher.lock:
            CountingHasher.runs += 1
        return super().encode(password, salt)


@pytest.fixture
def hasher(settings: Settings) -> type[CountingHasher]:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.runs = 0
    return CountingHasher


def guess(username: str, password: str = "wrong", address: str | None = "192.0.2.1") -> str:
    """Return the code with which one attempt was answered."""
    try:
        check_credentials(username=username, password=password, address=address, at=clock.now())
    except DomainError as refused:
        return f"{refused.code}: {refused.detail}"
    return "in"


@pytest.mark.parametrize("username", ["ines", "nobody"])
def test_account_is_locked_after_ten_failures_whether_it_exists_or_not(
    username: str, ines: User
) -> None:
    answers = [guess(username) for _ in range(FAILURES_PER_ACCOUNT + 3)]

    wrong = f"invalid_credentials: {InvalidCredentials().detail}"
    locked = f"account_locked: {AccountLocked(1).detail}"
    assert answers == [wrong] * FAILURES_PER_ACCOUNT + [locked] * 3
    assert guess(username, PASSWORD) == locked


def test_lock_is_told_for_how_long_and_ends(ines: User, sign_in: Callable[..., Tokens]) -> None:
    at = clock.now()
    for _ in range(FAILURES_PER_ACCOUNT):
        with pytest.raises(InvalidCredentials):
            sign_in(password="wrong", at=at)

    with pytest.raises(AccountLocked) as locked:
        sign_in(at=at + timedelta(minutes=5))

    assert locked.value.retry_after_seconds == 600
    assert sign_in(at=at + WINDOW).user == ines


@pytest.mark.parametrize(
    "case", ["unknown", "wrong", "inactive", "service", "empty", "odd", "long"]
)
def test_every_refusal_costs_one_run_of_the_hasher(
    case: str, hasher: type[CountingHasher], make_person: Callable[..., User], system: User
) -> None:
    make_person("ines", password=None, password_hash=make_password(PASSWORD))
    gone = make_person("gone", password=None, password_hash=make_password(PASSWORD))
    users.deactivate_user(user=gone, by=system, at=clock.now(), reason="has left")
    attempt = {
        "unknown": ("nobody", PASSWORD),
        "wrong": ("ines", "wrong"),
        "inactive": ("gone", PASSWORD),
        "service": ("import", PASSWORD),
        "empty": ("ines", ""),
        "odd": ("in\x00es\ud800", "\ud800"),
        "long": ("x" * 10_000, "y" * 100_000),
    }[case]
    before = hasher.runs

    assert guess(*attempt) == f"invalid_credentials: {InvalidCredentials().detail}"
    assert hasher.runs - before == 1


def test_success_takes_the_failures_of_the_account_back(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    for _ in range(3):
        for _ in range(FAILURES_PER_ACCOUNT - 1):
            guess("ines")
        sign_in()


def test_three_hundred_patients_behind_one_router_all_sign_in(
    make_person: Callable[..., User],
) -> None:
    hashed = make_password(PASSWORD)
    for number in range(300):
        make_person(f"patient{number}", password=None, password_hash=hashed)
    # Some mistype first, as people do.
    for number in range(100):
        guess(f"patient{number}", address="203.0.113.5")

    answers = {guess(f"patient{n}", PASSWORD, "203.0.113.5") for n in range(300)}

    assert answers == {"in"}


def test_guessing_many_accounts_from_one_address_is_limited(ines: User) -> None:
    answers = [guess(f"name{n}", address="203.0.113.6") for n in range(FAILURES_PER_ADDRESS + 5)]

    assert [a[:7] for a in answers[-6:]] == ["invalid"] + ["account"] * 5
    assert guess("ines", PASSWORD, "203.0.113.6").startswith("account_locked")
    assert guess("ines", PASSWORD, "203.0.113.7") == "in"


def test_one_household_of_version_6_is_one_address(ines: User) -> None:
    for _ in range(2):
        guess("nobody", address="2001:db8:1:2:3:4:5:6")
        guess("nobody", address="2001:db8:1:2:ffff::1")

    assert SignInCounter.objects.filter(key__startswith="address:").count() == 1


def test_counters_hold_neither_names_nor_addresses(ines: User) -> None:
    guess("ines")

    keys = list(SignInCounter.objects.values_list("key", flat=True))

    assert len(keys) == 2
    assert all("ines" not in key and "192.0.2.1" not in key for key in keys)


def test_counters_that_have_no_effect_are_deleted(ines: User) -> None:
    guess("ines")

    assert sign_in_limits.forget_old_counters(clock.now() + WINDOW) == 0
    assert sign_in_limits.forget_old_counters(clock.now() + 3 * WINDOW) == 2


def test_an_administrator_can_unlock(ines: User, sign_in: Callable[..., Tokens]) -> None:
    for _ in range(FAILURES_PER_ACCOUNT):
        guess("ines")

    sign_in_limits.unlock("INES")

    assert sign_in(client=Client()).user == ines


@pytest.mark.django_db(transaction=True)
def test_a_hundred_guesses_at_once_are_no_more_than_ten(
    hasher: type[CountingHasher], make_person: Callable[..., User]
) -> None:
    make_person("ines", password=None, password_hash=make_password(PASSWORD))
    before = hasher.runs

    def run(number: int) -> str:
        try:
            return guess("ines", f"guess{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(run, range(100)))

    assert hasher.runs - before <= FAILURES_PER_ACCOUNT
    assert sum(a.startswith("invalid") for a in answers) == FAILURES_PER_ACCOUNT
    assert sum(a.startswith("account_locked") for a in answers) == 90


@pytest.mark.django_db(transaction=True)
def test_forty_right_sign_ins_of_one_account_at_once_all_succeed(ines: User) -> None:
    def run(number: int) -> str:
        try:
            return guess("ines", PASSWORD)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(run, range(40))) == {"in"}
