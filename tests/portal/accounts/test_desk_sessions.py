"""The admin's cookie is tied to a row of the session table."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import authenticate, login
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from portal.accounts.desk_sessions import close_desk_session, desk_session, open_desk_session
from portal.accounts.models import EndReason, Session, SessionKind, User
from portal.accounts.services import sessions, users
from portal.accounts.services.sessions import TokenRevoked, UserInactive
from portal.accounts.services.sign_in_limits import FAILURES_PER_ACCOUNT
from portal.accounts.services.tokens import TokenInvalid
from portal.core import clock
from tests.portal.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_at_desk(rf: RequestFactory, ines: User) -> Iterator[HttpRequest]:
    """A request whose cookie session Ines has signed in to."""
    request = rf.post("/admin/login/", headers={"User-Agent": "Browser/1"})
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    request.client_address = "192.0.2.9"
    login(request, ines, backend="portal.accounts.backends.PortalBackend")
    open_desk_session(request, ines)
    yield request


def test_signing_in_at_the_desk_opens_a_session(request_at_desk: HttpRequest, ines: User) -> None:
    found = desk_session(request_at_desk)

    assert (found.user, found.kind) == (ines, SessionKind.DESK)
    assert (found.address, found.user_agent) == ("192.0.2.9", "Browser/1")


def test_cookie_without_a_session_row_is_nobody(rf: RequestFactory, ines: User) -> None:
    request = rf.get("/admin/")
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    login(request, ines, backend="portal.accounts.backends.PortalBackend")

    with pytest.raises(TokenInvalid):
        desk_session(request)


def test_sign_out_everywhere_shuts_the_desk(request_at_desk: HttpRequest, ines: User) -> None:
    sessions.sign_out_everywhere(user=ines, by=ines, at=clock.now(), reason="lost laptop")

    with pytest.raises(TokenRevoked):
        desk_session(request_at_desk)


def test_deactivation_shuts_the_desk(
    request_at_desk: HttpRequest, ines: User, system: User
) -> None:
    users.deactivate_user(user=ines, by=system, at=clock.now(), reason="has left")

    with pytest.raises(UserInactive):
        desk_session(request_at_desk)


def test_signing_out_at_the_desk_ends_the_session(request_at_desk: HttpRequest) -> None:
    close_desk_session(request_at_desk)

    ended = Session.objects.get(kind=SessionKind.DESK)
    assert ended.revoked_reason == EndReason.SIGNED_OUT


def test_signing_in_at_the_desk_writes_nothing_to_the_account(
    request_at_desk: HttpRequest, ines: User
) -> None:
    ines.refresh_from_db()

    assert (ines.last_login, ines.version) == (None, 1)


def test_the_desk_shares_the_limits_of_the_api(ines: User, rf: RequestFactory) -> None:
    request = rf.post("/admin/login/")
    for _ in range(FAILURES_PER_ACCOUNT):
        assert authenticate(request, username="ines", password="wrong") is None

    assert authenticate(request, username="ines", password=PASSWORD) is None


def test_the_backend_answers_no_question_of_rights(
    ines: User, make_person: Callable[..., User]
) -> None:
    staff = make_person("omar", is_staff=True)

    assert not staff.has_perm("accounts.view_user")
    assert not staff.has_module_perms("accounts")
    assert staff.get_all_permissions() == set()


def test_password_box_hides_what_is_typed_and_lets_managers_help(client: Client) -> None:
    page = client.get("/admin/login/").content.decode()
    (box,) = re.findall(r'<input[^>]*name="password"[^>]*>', page)

    assert 'type="password"' in box
    assert 'autocomplete="current-password"' in box
    assert "onpaste" not in page
