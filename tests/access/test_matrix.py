"""The authorization matrix (security.md 1): every endpoint, every role, every relation."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from events.api.views import AdverseEventViewSet
from portal.access.permissions import Permission as P
from portal.access.roles import ROLES
from portal.accounts.models import Session
from portal.accounts.services.sessions import revoke_session
from portal.accounts.services.users import deactivate_user
from portal.api import views
from portal.api.checks import check_declared_permissions
from portal.api.document import document
from portal.api.filters import StrictFilterBackend
from portal.api.permissions import DenyUndeclared
from portal.api.views import NestedMixin, ScopedViewSet, find
from portal.core import clock
from portal.core.errors import NotFound, NotPermitted
from tests.access.declared import OPEN, ROWS, UNDOCUMENTED
from tests.access.walker import NEVER_MADE, Reader, cells, readers, routed, walk
from tests.access.world import World, bearer, make_person
from trials.api.views import TrialViewSet


@pytest.fixture(scope="module")
def people(world: World) -> list[Reader]:
    return readers(world)


def test_every_endpoint_has_a_row_and_every_row_an_endpoint() -> None:
    assert {(name, method) for name, method, _ in routed()} == set(ROWS)


def test_every_row_states_every_role() -> None:
    for key, row in ROWS.items():
        assert row.may | row.may_not == set(ROLES), key
        assert not row.may & row.may_not, key


def test_document_and_routes_name_the_same_operations() -> None:
    documented = {
        (path, method.upper())
        for path, operations in document()["paths"].items()
        for method in operations
    }
    assert documented == {
        (path, method) for name, method, path in routed() if name not in UNDOCUMENTED
    }


def test_every_action_declares_its_permission() -> None:
    call_command("check", fail_level="ERROR")
    assert check_declared_permissions() == []


@pytest.mark.parametrize("role", ROLES)
def test_every_cell_is_as_declared(world: World, people: list[Reader], role: str) -> None:
    assert list(walk(world, [reader for reader in people if reader.role == role])) == []


def test_the_cells_of_all_roles_are_thousands(world: World, people: list[Reader]) -> None:
    assert {reader.role for reader in people} == set(ROLES)
    assert cells(world) >= 2000


@pytest.mark.parametrize("name", sorted({name for name, _ in ROWS if name not in OPEN}))
def test_nobody_in_particular_is_told_to_sign_in(world: World, name: str) -> None:
    method = next(method for known, method in ROWS if known == name)
    path = _path(world, name)
    person = make_person(world, f"gone-{name}", "inspector")
    expired = bearer(person, lifetime=timedelta(seconds=60), ago=120)
    revoked = bearer(person)
    session = Session.objects.filter(user=person).order_by("-created_at", "-id").first()
    assert session is not None
    revoke_session(session=session, by=person, at=clock.now(), reason="test")
    inactive = bearer(make_person(world, f"left-{name}", "inspector"))
    left = world.people[f"left-{name}"]
    deactivate_user(user=left, by=person, at=clock.now(), reason="test")
    for headers, code in (
        ({}, "token_missing"),
        ({"authorization": "Bearer x"}, "token_invalid"),
        ({"authorization": "Basic eDp5"}, "token_invalid"),
        (expired, "token_expired"),
        (revoked, "token_revoked"),
        (inactive, "user_inactive"),
    ):
        answer = Client().generic(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", sorted({name for name, _ in ROWS}))
def test_only_the_declared_methods_are_offered(
    world: World, people: list[Reader], name: str
) -> None:
    offered = {method for known, method in ROWS if known == name}
    inspector = next(reader for reader in people if reader.role == "inspector")
    headers = {**inspector.headers(), "x-http-method-override": next(iter(offered))}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        if method not in offered:
            answer = Client().generic(method, _path(world, name), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert set(answer["Allow"].split(", ")) - {"HEAD"} == offered


def test_head_is_answered_like_get_without_the_body(world: World, people: list[Reader]) -> None:
    inspector = next(reader for reader in people if reader.role == "inspector")
    for path in ("/api/v1/patients/", "/api/v1/auth/me/", "/api/v1/nothing/"):
        head = Client().head(path, headers=inspector.headers())
        assert head.status_code == Client().get(path, headers=inspector.headers()).status_code
        assert head.content == b""


@pytest.mark.parametrize("name", ["patient", "trial", "site", "adverse-event", "patient-vitals"])
def test_out_of_scope_is_answered_like_never_made(
    world: World, people: list[Reader], name: str
) -> None:
    doctor = next(reader for reader in people if reader.role == "doctor")
    elsewhere = getattr(world, ROWS[name, "GET"].below)[-1].pk
    foreign = _masked(Client().get(reverse(name, args=[elsewhere]), headers=doctor.headers()))
    never = _masked(Client().get(reverse(name, args=[NEVER_MADE]), headers=doctor.headers()))
    assert foreign == never
    assert foreign[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.rstrip("/"),
        lambda path: path.replace("/v1/", "/v1//"),
        lambda path: path.upper(),
        lambda path: path.rstrip("/") + ".json",
        lambda path: path + "%2e%2e/",
        lambda path: path.replace("patients", "%70atients%00"),
    ],
)
def test_odd_spellings_of_an_address_lead_nowhere(
    world: World, people: list[Reader], change: Callable[[str], str]
) -> None:
    inspector = next(reader for reader in people if reader.role == "inspector")
    answer = Client().get(change("/api/v1/patients/"), headers=inspector.headers())
    assert answer.status_code == 404
    assert answer["Content-Type"] in ("application/problem+json", "text/html; charset=utf-8")


def _unscoped(self: Any) -> Any:
    return self.queryset.all()


def _anybody(self: Any, request: Any, view: Any) -> bool:
    return True


def _no_parent(self: Any, request: Any, *args: Any, **kwargs: Any) -> None:
    super(NestedMixin, self).initial(request, *args, **kwargs)
    self.above = self.parent.get(pk=self.kwargs["pk"])


def _existence_told(rows: Any, pk: Any) -> Any:
    if rows.filter(pk=pk).exists():
        return rows.get(pk=pk)
    raise NotPermitted() if rows.model._base_manager.filter(pk=pk).exists() else NotFound()


def _record_without_scope(self: Any) -> Any:
    return find(self.queryset.all(), self.kwargs["pk"])


def _filter_that_forgets_the_scope(self: Any, request: Any, queryset: Any, view: Any) -> Any:
    trial = request.query_params.get("trial")
    return view.queryset.filter(trial=trial) if trial else queryset


def _rows_of_any_parent(self: Any) -> Any:
    return super(NestedMixin, self).get_queryset()


@pytest.mark.parametrize(
    ("owner", "attribute", "hole"),
    [
        (ScopedViewSet, "get_queryset", _unscoped),
        (DenyUndeclared, "has_permission", _anybody),
        (NestedMixin, "initial", _no_parent),
        (TrialViewSet, "permissions", {}),
        (views, "find", _existence_told),
        (ScopedViewSet, "get_object", _record_without_scope),
        (StrictFilterBackend, "filter_queryset", _filter_that_forgets_the_scope),
        (NestedMixin, "get_queryset", _rows_of_any_parent),
        (AdverseEventViewSet, "permissions", {"list": P.PATIENT_VIEW, "retrieve": P.PATIENT_VIEW}),
    ],
    ids=[
        "queryset.all()",
        "AllowAny",
        "unchecked parent",
        "action without permission",
        "403 where it exists",
        "record without scope",
        "filter without scope",
        "rows of any parent",
        "permission of another record",
    ],
)
def test_a_planted_hole_is_found(
    world: World,
    people: list[Reader],
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    attribute: str,
    hole: Any,
) -> None:
    monkeypatch.setattr(owner, attribute, hole)
    some = [reader for reader in people if reader.role in {"doctor", "medical_coder", "patient"}]
    assert any(walk(world, some)) or check_declared_permissions()


def _path(world: World, name: str) -> str:
    row = next(row for (known, _), row in ROWS.items() if known == name)
    return reverse(name, args=[getattr(world, row.below)[0].pk] if row.below else [])


def _masked(answer: Any) -> tuple[int, str, dict[str, str]]:
    """Return status, body and headers without the id that was asked for."""
    hidden = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
    headers = {
        key: hidden.sub("ID", value) for key, value in answer.items() if key != "X-Request-Id"
    }
    return answer.status_code, hidden.sub("ID", answer.content.decode()), headers
