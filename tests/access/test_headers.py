"""Every address of the portal, walked: its headers, and that nobody keeps what it answers.

What is not walked is not claimed: addresses come from the registries that serve them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse

from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.desk.site import site
from portal.ops import views
from tests.access.records import KINDS, kind_of, make_records
from tests.access.surfaces import addresses_below
from tests.access.walker import NEVER_MADE, routed
from tests.access.world import World, anchor_for, bearer, make_person
from tests.portal.desk.world import signed_in

EXPECTED = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_UNSAFE = re.compile(r"unsafe|https?:|\*|'strict-dynamic'")


def problems_of(address: str, answer: Mapping[str, str], *, is_kept: bool = False) -> Iterator[str]:
    """Yield what an answer lacks; `is_kept`: its address names its content, which never changes."""
    for name, value in EXPECTED.items():
        if answer.get(name) != value:
            yield f"{address}: {name} is {answer.get(name)}"
    policy = answer.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy or _UNSAFE.search(policy):
        yield f"{address}: Content-Security-Policy is {policy}"
    if "frame-ancestors 'none'" not in policy or "object-src 'none'" not in policy:
        yield f"{address}: Content-Security-Policy is {policy}"
    if "geolocation=()" not in answer.get("Permissions-Policy", ""):
        yield f"{address}: no Permissions-Policy"
    if not is_kept and "no-store" not in answer.get("Cache-Control", ""):
        yield f"{address}: Cache-Control is {answer.get('Cache-Control')}"


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, User]:
    """Some people, and a record of every kind."""
    roles = ("inspector", "principal_investigator", "study_coordinator", "doctor")
    made = {role: make_person(world, role, role, anchor_for(world, role)) for role in roles}
    make_records(world, made)
    return made


@pytest.mark.req("F110")
def test_no_address_of_the_api_is_without_headers_or_may_be_kept(
    world: World, people: dict[str, User]
) -> None:
    client, wrong = Client(raise_request_exception=False), []
    person = people["inspector"]
    for who in (bearer(person), {}):
        for _name, method, path in routed():
            own = KINDS[kind_of(path)](world, person) if "{" in path else []
            for key in [*(record.pk for record in own), NEVER_MADE]:
                address = path.replace("{id}", str(key))
                answer = _asked(client, method, address, who)
                wrong += problems_of(f"{method} {address}", answer)
                if "Authorization" not in answer["Vary"]:
                    wrong.append(f"{address}: does not vary by Authorization")
                if "{" not in path:
                    break
    assert wrong == []


def _asked(client: Client, method: str, address: str, headers: dict[str, str]) -> Any:
    """Send an empty body; what came of it, such as a session that ended, is taken back."""
    with transaction.atomic():
        answer = client.generic(method, address, b"{}", "application/json", headers=headers)
        if answer.streaming:
            list(answer.streaming_content)
        transaction.set_rollback(True)
    return answer


@pytest.mark.req("F110")
def test_no_page_is_without_headers_or_may_be_kept(people: dict[str, User]) -> None:
    wrong, found = [], set[str]()
    anybody = Client(raise_request_exception=False)
    walked = {signed_in(people["inspector"]): [*pages(), *pages_of_records()], anybody: OPEN}
    for browser, addresses in walked.items():
        for address in addresses:
            answer = browser.get(address)
            # The worker holds nothing of anybody: it is asked for again each time, and may be kept.
            is_worker = address == "/service-worker.js"
            wrong += problems_of(f"GET {address}", answer, is_kept=is_worker)
            if not answer.streaming:
                text = answer.content.decode(errors="replace")
                found |= set(re.findall(r"(?:href|src)=\"(/static/[^\"?#]+)", text))
    assert len(found) > 10
    for address in sorted(found):
        answer = anybody.get(address)
        assert answer.status_code == 200, address
        wrong += problems_of(f"GET {address}", answer, is_kept=True)
        list(answer.streaming_content)
    assert wrong == []


# Where somebody comes who has not signed in.
OPEN = [
    "/",
    "/service-worker.js",
    "/healthz",
    "/metrics",
    "/admin/",
    "/admin/login/",
    "/admin/patients/patient/",
]


def pages() -> Iterator[str]:
    """Yield every address outside the API, with ids never made."""
    for route, name in addresses_below(get_resolver(), ""):
        if name == "workbench":
            yield from ("/", "/inbox", "/no/such/page")
        elif not route.startswith("api/"):
            address = re.sub(r"<[^>]+>|\(\?P<.*\)", str(NEVER_MADE), route)
            yield "/" + re.sub(r"[\^$\\]", "", address)


def pages_of_records() -> Iterator[str]:
    """Yield the pages of the first record of each model of the desk."""
    for model in site._registry:
        with unblinded():
            record = model._base_manager.order_by("pk").first()
        for page in ("change", "history", "delete") if record else ():
            base = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
            yield reverse(base + page, args=[record.pk])


def _fails() -> None:
    raise RuntimeError("test")


@pytest.mark.req("F110")
@pytest.mark.usefixtures("people", "undone")
def test_no_error_is_without_headers_or_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "readiness", _fails)
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    token, text = "/api/v1/auth/token/", "application/json"
    answers = {
        (400, "another host"): client.get("/", headers={"host": "evil.test"}),
        (400, "another host of the API"): client.get(token, headers={"host": "evil.test"}),
        (400, "no JSON"): client.generic("POST", token, b"{", text),
        (403, "a form of another page"): client.post("/admin/login/", {}),
        (404, "no address"): client.get("/diary/no/such/page/"),
        (404, "no address of the API"): client.get("/api/v1/no/such/"),
        (405, "another method"): client.generic("PUT", token, b"{}", text),
        (413, "a large body"): client.generic("POST", token, b" " * 3_000_000, text),
        (415, "another type"): client.generic("POST", token, b"a=b", "text/plain"),
        (500, "a failure"): client.get("/readyz"),
    }
    assert {key: answer.status_code for key, answer in answers.items()} == {
        key: key[0] for key in answers
    }
    assert told_wrong((name, answer) for (_, name), answer in answers.items()) == []


def told_wrong(answers: Iterable[tuple[str, Any]]) -> list[str]:
    """Return what answers lack."""
    return [line for name, answer in answers for line in problems_of(name, answer)]
