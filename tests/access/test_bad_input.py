"""The bad-input corpus on every writable field and every parameter of the document (F75 to F94)."""

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from events.models import AdverseEvent
from patients.models import VitalSign
from portal.api.document import document
from tests.access.world import World, bearer, make_person

pytestmark = pytest.mark.usefixtures("undone")
DEEP = {65: 65, 2_000: 2_000, 100_000: 100_000}


# Bodies behind a right: sent by somebody who holds it.
CLINICAL = {
    "/api/v1/adverse-events/",
    "/api/v1/adverse-events/{id}/follow-ups/",
    "/api/v1/adverse-events/{id}/confirm/",
    "/api/v1/vitals/",
    "/api/v1/vitals/{id}/",
}


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _bodies() -> dict[str, dict[str, Any]]:
    """Return the schema of every body that can be sent, by path."""
    return {
        path: _resolved(operation["requestBody"]["content"]["application/json"]["schema"])
        for path, method, operation in _operations()
        if "requestBody" in operation and (not operation.get("security") or path in CLINICAL)
    }


METHODS = {path: method for path, method, operation in _operations() if "requestBody" in operation}
FIELDS = [(path, name) for path, schema in _bodies().items() for name in schema["properties"]]
PARAMETERS = [
    (path, parameter["name"])
    for path, _, operation in _operations()
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "query"
]
JSON_VALUES: dict[str, bytes] = {
    "F075_nul": b'"a\\u0000b"',
    "F076_lone_surrogate": b'"\\ud800"',
    "F077_depth_65": b"[" * 65 + b"]" * 65,
    "F077_depth_2000": b"[" * 2_000 + b"]" * 2_000,
    "F077_depth_100000": b"[" * 100_000 + b"]" * 100_000,
    "F079_nan": b"NaN",
    "F079_infinity": b"-Infinity",
    "F079_1e400": b"1e400",
    "F080_true": b"true",
    "F080_number": b"1.0",
    "F080_list": b'["a"]',
    "F080_object": b'{"$gt": 0}',
    "F080_null": b"null",
    "F081_long_text": b'"' + b"x" * 200_000 + b'"',
    "F081_many_items": b"[" + b"1," * 100_000 + b"1]",
}
QUERY_VALUES: dict[str, str] = {
    "F075_nul": "%00",
    "F076_lone_surrogate": "%ED%A0%80",
    "F079_nan": "NaN",
    "F079_1e400": "1e400",
    "F080_arabic_digits": "%D9%A1%D9%A2",
    "F081_long": "x" * 5_000,
    "F083_year_9999": "9999-12-31",
    "F083_infinity": "infinity",
    "F089_right_to_left": "%E2%80%AE",
    "F092_formula": "%3Dcmd()",
    "F093_lookup": "password__startswith",
    "F093_sql": "'%20OR%201=1--",
    "F093_empty": "",
    "F093_huge_number": "9" * 400,
    "F093_not_utf8": "%FF%FE",
}


@pytest.fixture(scope="module")
def headers(world: World) -> dict[str, str]:
    return bearer(make_person(world, "inspector", "inspector"))


@pytest.fixture(scope="module")
def writer(world: World) -> dict[str, str]:
    """Who may write most: bodies are judged after the right to send them."""
    person = make_person(world, "writer", "principal_investigator", world.sites[0])
    return {**bearer(person), "if-match": '"1"'}


def _address(world: World, path: str) -> str:
    record: Any = world.adverse_events[0] if "adverse" in path else world.patients[0]
    record = world.trials[0] if "/trials/" in path else record
    record = world.vitals[0] if "/vitals/{id}" in path else record
    return path.replace("{id}", str(record.pk))


def _send(world: World, writer: dict[str, str], path: str, body: bytes, **more: Any) -> Any:
    kind = more.pop("kind", "application/json")
    headers = {**({} if "/auth/" in path else writer), **more}
    address = _address(world, path)
    return Client().generic(METHODS[path], address, body, kind, headers=headers)


def _check(answer: Any, allowed: tuple[int, ...]) -> None:
    assert answer.status_code in allowed, answer.content
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"]


def _with(path: str, name: str, value: bytes) -> bytes:
    """Return a body that is right but for one field."""
    parts = [b'"%s": "x"' % known.encode() for known in _bodies()[path].get("required", ())]
    parts = [part for part in parts if not part.startswith(b'"%s"' % name.encode())]
    return b"{" + b", ".join([*parts, b'"%s": %s' % (name.encode(), value)]) + b"}"


@pytest.mark.req("F75", "F76", "F77", "F79", "F80", "F81")
@pytest.mark.parametrize("case", sorted(JSON_VALUES))
@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_F075_to_F081_no_value_of_a_field_is_swallowed_or_breaks(
    world: World, writer: dict[str, str], path: str, name: str, case: str
) -> None:
    body = _with(path, name, JSON_VALUES[case])
    answer = _send(world, writer, path, body)
    _check(answer, (400, 413))


@pytest.mark.req("F78")
@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_F078_a_field_given_twice_is_refused(
    world: World, writer: dict[str, str], path: str, name: str
) -> None:
    field = name.encode()
    body = b'{"%s": "a", "%s": "b"}' % (field, field)
    answer = _send(world, writer, path, body)
    _check(answer, (400,))
    assert answer.json()["code"] == "duplicate_key"


@pytest.mark.req("F81")
@pytest.mark.parametrize("path", sorted(_bodies()))
def test_F081_a_vast_body_is_refused_as_a_problem(
    world: World, writer: dict[str, str], path: str
) -> None:
    members = b",".join(b'"k%d":1' % index for index in range(100_000))
    for body in (b'{"username": "' + b"x" * 5_000_000 + b'"}', b"{" + members + b"}"):
        _check(_send(world, writer, path, body), (413,))


@pytest.mark.req("F82")
@pytest.mark.parametrize("path", sorted(_bodies()))
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_F082_an_encoded_body_is_not_decoded(
    world: World, writer: dict[str, str], path: str, encoding: str
) -> None:
    bomb = zlib.compress(b" " * 10_000_000)
    answer = _send(world, writer, path, bomb, **{"content-encoding": encoding})
    _check(answer, (415,))


@pytest.mark.parametrize("path", sorted(_bodies()))
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "x", ""])
def test_F082_a_body_of_another_type_is_refused(
    world: World, writer: dict[str, str], path: str, kind: str
) -> None:
    _check(_send(world, writer, path, b'{"a": 1}', kind=kind), (415,))


@pytest.mark.req("F94")
@pytest.mark.parametrize("path", sorted(_bodies()))
@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"true", b"{", b"\xff"])
def test_F094_a_body_that_is_no_object_is_refused(
    world: World, writer: dict[str, str], path: str, body: bytes
) -> None:
    _check(_send(world, writer, path, body), (400,))


@pytest.mark.req("F94")
@pytest.mark.parametrize("path", sorted(CLINICAL))
def test_F094_no_column_can_be_set_that_the_form_does_not_name(
    world: World, writer: dict[str, str], path: str
) -> None:
    columns = {f.name for model in (AdverseEvent, VitalSign) for f in model._meta.get_fields()}
    for name in sorted(columns - set(_bodies()[path]["properties"])):
        answer = _send(world, writer, path, b'{"%s": "x"}' % name.encode())
        _check(answer, (400,))
        assert answer.json()["code"] == "unknown_field"


@pytest.mark.req("F93")
@pytest.mark.parametrize("case", sorted(QUERY_VALUES))
@pytest.mark.parametrize(("path", "name"), PARAMETERS)
def test_F093_no_value_of_a_parameter_breaks_a_list(
    world: World,
    headers: dict[str, str],
    writer: dict[str, str],
    path: str,
    name: str,
    case: str,
) -> None:
    if path in (
        "/api/v1/quarantined-submissions/",
        "/api/v1/patients/{id}/identity/",
        "/api/v1/wall/tiles/",
    ):
        headers = writer
    if path == "/api/v1/sessions/":
        headers = bearer(make_person(world, f"admin {name} {case}", "system_admin"))
    record = world.adverse_events[0] if "adverse" in path else world.patients[0]
    for kind in ("trials", "sites", "vitals", "findings"):
        record = getattr(world, kind)[0] if f"/{kind}/{{id}}" in path else record
    address = path.replace("{id}", str(record.pk))
    answer = Client().get(f"{address}?{name}={QUERY_VALUES[case]}", headers=headers)
    is_text = name == "search" or (name == "rule" and "findings" in path)
    searches = is_text and case not in {"F075_nul", "F081_long"}
    is_blank = case == "F093_empty" and name not in {"limit", "cursor", "ordering"}
    may_be_text = searches and case != "F093_huge_number"
    _check(answer, (200,) if is_blank or may_be_text else (200, 400) if searches else (400,))
