"""The session's row decides, on every request, and at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import EndReason, RefreshToken, Session, User
from portal.accounts.services import sessions, tokens, users
from portal.accounts.services.credentials import InvalidCredentials
from portal.accounts.services.expiry import close_expired
from portal.accounts.services.sessions import Client, TokenRevoked, Tokens, UserInactive
from portal.accounts.services.tokens import TokenExpired, TokenInvalid
from portal.core import clock
from portal.core.errors import NotAuthenticated
from portal.core.history import acting
from tests.portal.accounts.conftest import PHONE
from tests.portal.accounts.forged_tokens import Genuine

pytestmark = pytest.mark.django_db
Refresh = Callable[..., Tokens]


def test_sign_in_is_found_whatever_the_case_of_the_name(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    assert sign_in("INES").user == ines


def test_access_token_says_who_and_in_which_session(signed_in: Tokens) -> None:
    claims = Genuine.of(signed_in.access).claims

    assert set(claims) == {
        "iss", "aud", "sub", "jti", "sid", "iat", "exp", "token_type", "roles"
    }  # fmt: skip
    assert claims["sub"] == str(signed_in.user.pk)
    assert claims["sid"] == str(signed_in.session.pk)
    assert claims["roles"] == ["doctor"]
    assert signed_in.access_expires_at.timestamp() == claims["exp"]


def test_checking_a_token_is_one_query_and_no_write(
    signed_in: Tokens, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1) as captured:
        found = sessions.authenticate(signed_in.access, clock.now())
        assert found.user.is_active

    assert captured.captured_queries[0]["sql"].startswith("SELECT")


def test_roles_in_the_token_are_not_read(ines: User, sign_in: Callable[..., Tokens]) -> None:
    issued = sign_in(roles_of=lambda user: ["system_admin"])

    found = sessions.authenticate(issued.access, clock.now())

    assert not hasattr(found, "roles")


def test_access_ends_after_its_lifetime(signed_in: Tokens) -> None:
    later = signed_in.access_expires_at + timedelta(seconds=6)

    with pytest.raises(TokenExpired):
        sessions.authenticate(signed_in.access, later)


def test_access_never_outlives_its_session(ines: User, sign_in: Callable[..., Tokens]) -> None:
    issued = sign_in()
    at = issued.session.expires_at - timedelta(seconds=10)
    late = sessions.refresh(token=issued.refresh, client=PHONE, at=at, roles_of=lambda user: [])

    assert late.access_expires_at <= issued.session.expires_at


@pytest.mark.req("J8")
def test_sign_out_stops_access_and_refresh_at_once(signed_in: Tokens, refresh: Refresh) -> None:
    sessions.sign_out(session=signed_in.session, by=signed_in.user, at=clock.now())

    with pytest.raises(TokenRevoked):
        sessions.authenticate(signed_in.access, clock.now())
    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh)


@pytest.mark.req("J7")
def test_deactivation_stops_access_and_refresh_at_once(
    signed_in: Tokens, refresh: Refresh, system: User
) -> None:
    users.deactivate_user(user=signed_in.user, by=system, at=clock.now(), reason="has left")

    with pytest.raises(UserInactive):
        sessions.authenticate(signed_in.access, clock.now())
    with pytest.raises(UserInactive):
        refresh(signed_in.refresh)


@pytest.mark.req("J7")
def test_reactivation_does_not_bring_old_tokens_back(
    signed_in: Tokens, refresh: Refresh, system: User
) -> None:
    user = signed_in.user
    users.deactivate_user(user=user, by=system, at=clock.now(), reason="leave")
    users.reactivate_user(user=user, by=system, at=clock.now(), reason="back")

    with pytest.raises(TokenRevoked):
        sessions.authenticate(signed_in.access, clock.now())
    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh)


@pytest.mark.req("J7")
def test_another_password_stops_every_session(
    ines: User, sign_in: Callable[..., Tokens], refresh: Refresh
) -> None:
    first, second = sign_in(), sign_in(client=Client(user_agent="Browser"))

    users.set_password(
        user=ines, password="another long passphrase", by=ines, at=clock.now(), reason="changed"
    )

    for issued in (first, second):
        with pytest.raises(TokenRevoked):
            sessions.authenticate(issued.access, clock.now())
        with pytest.raises(TokenRevoked):
            refresh(issued.refresh)
    with pytest.raises(InvalidCredentials):
        sign_in()


@pytest.mark.req("J7")
def test_other_roles_stop_access_and_refresh_at_once(
    signed_in: Tokens, refresh: Refresh, system: User
) -> None:
    users.record_changed_roles(
        user=signed_in.user, opens_admin=True, by=system, at=clock.now(), reason="now a CRA"
    )

    with pytest.raises(TokenRevoked):
        sessions.authenticate(signed_in.access, clock.now())
    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh)


def test_sign_out_everywhere_ends_all_sessions(ines: User, sign_in: Callable[..., Tokens]) -> None:
    issued = [sign_in(), sign_in()]

    sessions.sign_out_everywhere(user=ines, by=ines, at=clock.now(), reason="lost phone")

    for each in issued:
        with pytest.raises(TokenRevoked):
            sessions.authenticate(each.access, clock.now())
    assert set(ines.sessions.values_list("revoked_reason", flat=True)) == {EndReason.REVOKED}


def test_revoking_one_session_leaves_the_others(
    ines: User, sign_in: Callable[..., Tokens], system: User
) -> None:
    lost, kept = sign_in(), sign_in()

    sessions.revoke_session(session=lost.session, by=system, at=clock.now(), reason="lost phone")

    with pytest.raises(TokenRevoked):
        sessions.authenticate(lost.access, clock.now())
    assert sessions.authenticate(kept.access, clock.now()).session == kept.session


def test_session_opened_with_an_older_version_never_counts(
    ines: User, sign_in: Callable[..., Tokens]
) -> None:
    """The password is changed while somebody signs in with the old one."""
    issued = sign_in()
    users.set_password(
        user=ines, password="another long passphrase", by=ines, at=clock.now(), reason="changed"
    )
    with acting(by=ines, reason="sign in"):
        late = sessions.open_session(
            user=issued.user, kind=issued.session.kind, client=PHONE, at=clock.now()
        )

    with pytest.raises(TokenRevoked):
        sessions.check_session(Session.objects.select_related("user").get(pk=late.pk), clock.now())


def test_refresh_gives_a_successor_and_a_fresh_access(signed_in: Tokens, refresh: Refresh) -> None:
    fresh = refresh(signed_in.refresh)

    assert fresh.refresh != signed_in.refresh
    assert sessions.authenticate(fresh.access, clock.now()).session == signed_in.session


def test_same_device_gets_the_same_successor_within_the_grace(
    signed_in: Tokens, refresh: Refresh
) -> None:
    at = clock.now()

    first = refresh(signed_in.refresh, at=at)
    again = refresh(signed_in.refresh, at=at + timedelta(seconds=30))

    assert again.refresh == first.refresh
    assert RefreshToken.objects.filter(session=signed_in.session).count() == 2


def test_the_network_may_change_within_the_grace(signed_in: Tokens, refresh: Refresh) -> None:
    first = refresh(signed_in.refresh)

    moved = Client(address="198.51.100.9", user_agent=PHONE.user_agent, device_id=PHONE.device_id)

    assert refresh(signed_in.refresh, client=moved).refresh == first.refresh


@pytest.mark.req("J10")
@pytest.mark.parametrize("seconds", [31, 3600])
def test_reuse_after_the_grace_revokes_the_family(
    seconds: int, signed_in: Tokens, refresh: Refresh
) -> None:
    at = clock.now()
    successor = refresh(signed_in.refresh, at=at)

    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh, at=at + timedelta(seconds=seconds))

    with pytest.raises(TokenRevoked):
        refresh(successor.refresh)
    with pytest.raises(TokenRevoked):
        sessions.authenticate(successor.access, clock.now())
    assert Session.objects.get(pk=signed_in.session.pk).revoked_reason == EndReason.REUSED


@pytest.mark.req("J10")
def test_reuse_by_another_device_revokes_the_family_even_within_the_grace(
    signed_in: Tokens, refresh: Refresh
) -> None:
    refresh(signed_in.refresh)

    with pytest.raises(TokenRevoked):
        refresh(signed_in.refresh, client=Client(user_agent="curl/8"))

    assert Session.objects.get(pk=signed_in.session.pk).revoked_at is not None


def test_refresh_token_that_was_never_issued_is_invalid(
    signed_in: Tokens, refresh: Refresh
) -> None:
    stray = tokens.make(
        tokens.TokenType.REFRESH,
        user=signed_in.user.pk,
        session=signed_in.session.pk,
        issued_at=clock.now(),
        expires_at=signed_in.session.expires_at,
    )

    with pytest.raises(TokenInvalid):
        refresh(stray)


def test_refresh_ends_with_the_session(signed_in: Tokens, refresh: Refresh) -> None:
    with pytest.raises(TokenExpired):
        refresh(signed_in.refresh, at=signed_in.session.expires_at + timedelta(seconds=6))


@pytest.mark.req("J13")
def test_no_token_is_stored_anywhere(signed_in: Tokens, refresh: Refresh) -> None:
    fresh = refresh(signed_in.refresh)
    secrets = [
        part
        for token in (signed_in.access, signed_in.refresh, fresh.access, fresh.refresh)
        for part in (token, token.split(".")[2], Genuine.of(token).claims["jti"])
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', 'audit') AND tablename NOT LIKE 'django_migr%'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        stored = ""
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")
            stored += cursor.fetchone()[0]

    assert str(signed_in.session.pk) in stored
    assert [secret for secret in secrets if secret in stored] == []


@pytest.mark.req("J14")
def test_no_token_and_no_history_carries_anything_of_the_password(
    signed_in: Tokens, system: User
) -> None:
    hashed = User.objects.get(pk=signed_in.user.pk).password

    assert hashed.split("$")[-1] not in signed_in.access
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(string_agg(t::text, ''), '') FROM audit.accounts_userhistory t"
        )
        assert hashed not in cursor.fetchone()[0]


def test_sign_in_and_sign_out_are_in_the_history(signed_in: Tokens) -> None:
    sessions.sign_out(session=signed_in.session, by=signed_in.user, at=clock.now())

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pgh_label, acted_by, acted_reason FROM audit.accounts_sessionhistory "
            "WHERE pgh_obj_id = %s ORDER BY pgh_id",
            [signed_in.session.pk],
        )
        written = cursor.fetchall()

    assert written == [
        ("insert", signed_in.user.pk, "sign in"),
        ("update", signed_in.user.pk, "sign out"),
    ]


def test_sessions_that_ran_out_are_marked_by_the_system(signed_in: Tokens) -> None:
    at = signed_in.session.expires_at + timedelta(seconds=1)

    assert close_expired(at=at) == 1
    assert close_expired(at=at) == 0

    ended = Session.objects.get(pk=signed_in.session.pk)
    assert (ended.revoked_reason, ended.revoked_by.username) == (EndReason.EXPIRED, "system")


def test_strange_user_agents_are_kept_readable(ines: User, sign_in: Callable[..., Tokens]) -> None:
    odd = Client(user_agent="x\x00\r\n\x1b[31m" + "y" * 1000, device_id="\ud800")

    issued = sign_in(client=odd)

    assert issued.session.user_agent.isprintable()
    assert len(issued.session.user_agent) == 300


def test_what_ended_a_session_must_be_complete(signed_in: Tokens) -> None:
    with (
        pytest.raises(IntegrityError, match="session_ended_by_and_at"),
        transaction.atomic(),
        acting(by=signed_in.user),
    ):
        Session.objects.filter(pk=signed_in.session.pk).update(
            revoked_at=clock.now(), revoked_reason=EndReason.REVOKED
        )


def test_every_refusal_is_a_refusal_to_authenticate() -> None:
    refusals = (TokenInvalid, TokenExpired, TokenRevoked, UserInactive, InvalidCredentials)

    assert all(issubclass(refusal, NotAuthenticated) for refusal in refusals)
    assert len({refusal.code for refusal in refusals}) == len(refusals)
