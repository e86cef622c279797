"""A schema fuzzer against the whole document: no failure of ours, every answer as described."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.api.document import document
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")
EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The fuzzer makes no ZIP files: tests/portal/documents/test_importing.py sends good and bad ones.
UNDRAWN = {("/api/v1/reports/uploads/", "post")}
OPERATIONS = [
    (path, method)
    for path, methods in document()["paths"].items()
    for method in methods
    if (path, method) not in UNDRAWN
]


@pytest.fixture(scope="module")
def schema(world: World) -> Iterator[Any]:
    # A request ends the thread's connection, and with it the world's transaction.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/", get_wsgi_application())
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture(scope="module")
def person(world: World) -> Any:
    return make_person(world, "fuzzer", "unblinded_monitor", world.trials[0])


@pytest.fixture(scope="module")
def writer(world: World) -> Any:
    return make_person(world, "writing fuzzer", "principal_investigator", world.sites[0])


# Who reads what the unblinded monitor may not.
READERS = {
    "/api/v1/sessions/": "system_admin",
    "/api/v1/access-reviews/": "system_admin",
    "/api/v1/alerts/": "principal_investigator",
    "/api/v1/quarantined-submissions/": "principal_investigator",
    "/api/v1/wall/tiles/": "principal_investigator",
    "/api/v1/notifications/statistics/": "inspector",
    "/api/v1/patients/{id}/observation-sets/candidate/": "principal_investigator",
}
# The world has no such record, or drawn parameters hardly ever name one.
HARDLY_FOUND = (
    "/api/v1/access-report/",
    "/api/v1/alerts/{id}/",
    "/api/v1/audit-entries/{id}/",
    "/api/v1/intake/",
    "/api/v1/monitoring-plans/{id}/",
    "/api/v1/notifications/{id}/",
    "/api/v1/patients/{id}/observation-sets/candidate/",
    "/api/v1/risk-rules/{id}/",
    "/api/v1/risk-rule-versions/{id}/",
    "/api/v1/patients/{id}/identity/",
    "/api/v1/reports/{id}/",
)


@pytest.fixture(scope="module")
def readers(world: World) -> dict[str, Any]:
    places = {
        "system_admin": None,
        "inspector": None,
        "principal_investigator": world.sites[0],
    }
    return {role: make_person(world, f"reader {role}", role, at) for role, at in places.items()}


def _record(world: World, path: str) -> UUID:
    rows: list[Any] = world.patients
    if "/trials/" in path:
        rows = world.trials
    elif "/sites/" in path:
        rows = world.sites
    elif "/adverse-events/" in path:
        rows = world.adverse_events
    elif "/findings/" in path:
        rows = world.findings
    elif "/vitals/{id}" in path and "intake" not in path:
        rows = world.vitals
    return UUID(str(rows[0].pk))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_the_document_says(
    world: World, schema: Any, person: Any, writer: Any, readers: Any, path: str, method: str
) -> None:
    person = readers.get(READERS.get(path, ""), person) if method == "get" else writer
    # The client of the tests does not unpack what it asks for compressed.
    headers = bearer(person) | {"accept-encoding": "identity"}
    operation = schema[path][method.upper()]
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), is_real=st.booleans())
    def check(case: Any, is_real: bool) -> None:
        if is_real and "{id}" in path:
            case.path_parameters["id"] = str(_record(world, path))
        # Signing out would end the session of the examples to come.
        token = bearer(person) if "logout" in path else headers
        seen.add(case.call_and_validate(headers=token, checks=CHECKS).status_code)

    check()
    assert method != "get" or 200 in seen or path.startswith(HARDLY_FOUND)
