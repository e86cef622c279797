"""Odd requests at the real server: doubled and forged headers, bodies without end or length."""

from uuid import UUID

import pytest

from portal.core import clock
from portal.core.ids import uuid7
from tests.rig.bed import Bed
from tests.rig.campaign import Phones
from tests.rig.fleet import report_body
from tests.rig.raw import chunked, head, talk, whole
from tests.rig.test_kills import stored

PROBLEM = "application/problem+json"
LARGE = b"x" * 65_536
TOO_MANY = 64  # pieces of that size: 4 MB, where at most 2.5 are read


@pytest.fixture
def web(bed: Bed) -> Bed:
    bed.ensure("web")
    return bed


def fresh(phones: Phones, number: int = 7) -> tuple[str, UUID, bytes]:
    """Return a phone's token and a report that it has not sent yet."""
    patient, token = phones[number]
    key = uuid7()
    return token, key, report_body(patient, key, clock.now())


@pytest.mark.req("F74")
@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        (("Content-Length: 3",), {400}),
        (("Transfer-Encoding: chunked",), {400}),
        (("Transfer-Encoding: gzip, chunked",), {400, 501}),
        (("Authorization: Bearer e30.e30.e30",), {400, 401}),
        (("Host: elsewhere.example",), {400}),
        (("Content-Type: text/plain",), {400, 415}),
        (("Content-Encoding: gzip", "Content-Encoding: gzip"), {415}),
        (("Content Length: 3",), {400}),
        (("Content-Length : 3",), {400}),
        (("Odd: \x00",), {400}),
    ],
)
def test_doubled_and_malformed_headers_are_refused(
    web: Bed, phones: Phones, headers: tuple[str, ...], statuses: set[int]
) -> None:
    token, key, body = fresh(phones)
    said = talk(web.port, whole(body, *headers, token=token))
    assert said.status in statuses
    assert stored(web, key) == 0


@pytest.mark.req("F74")
@pytest.mark.parametrize(
    "header",
    [
        "Content_Length: 3",
        "Content_Type: text/plain",
        "X_Forwarded_For: 6.6.6.6",
        "X_Forwarded_Proto: https",
        "Accept_Language: zh-Hans",
        "X_HTTP_Method_Override: DELETE",
    ],
)
def test_headers_with_underscores_are_nobodys(web: Bed, phones: Phones, header: str) -> None:
    token, key, body = fresh(phones)
    said = talk(web.port, whole(body, header, token=token))
    assert said.status == 202
    assert stored(web, key) == 1
    other = talk(web.port, whole(b"{}", "Authorization_: Bearer x", "authorization_x: y"))
    assert other.json()["code"] == "token_missing"


@pytest.mark.req("F74")
def test_body_in_chunks_without_a_length_is_read_up_to_the_limit(web: Bed, phones: Phones) -> None:
    token, key, body = fresh(phones)
    start = head("Content-Type: application/json", "Transfer-Encoding: chunked", token=token)
    assert talk(web.port, start, chunked([body[:10], body[10:]])).status == 202
    assert stored(web, key) == 1
    said = talk(web.port, start, chunked([LARGE] * TOO_MANY))
    assert (said.status, said.kind) == (413, PROBLEM)


@pytest.mark.req("F74")
@pytest.mark.req("F81")
@pytest.mark.parametrize("path", ["/api/v1/auth/token/", "/api/v1/adverse-events/"])
def test_limit_of_a_body_without_a_length_holds_for_every_endpoint(web: Bed, path: str) -> None:
    start = head("Content-Type: application/json", "Transfer-Encoding: chunked", path=path)
    said = talk(web.port, start, chunked([LARGE] * TOO_MANY))
    assert said.kind == PROBLEM
    assert said.status in (401, 413)


@pytest.mark.req("F66")
def test_upload_cut_at_any_byte_stores_nothing(web: Bed, phones: Phones) -> None:
    token, key, body = fresh(phones)
    for at in range(0, len(body), 13):
        # The connection ends; and the client itself takes the part for the whole.
        talk(web.port, whole(body, token=token)[: at - len(body)], and_leave=True)
        said = talk(web.port, whole(body[:at], token=token))
        assert (said.status, said.kind) == (400, PROBLEM)
    assert stored(web, key) == 0
    assert talk(web.port, whole(body, token=token)).status == 202


SIGN_IN = "/api/v1/auth/token/"


def address_of(bed: Bed, *headers: str) -> str:
    """Return the keyed digest of the address that a refused sign-in is told of."""
    name = f"nobody-{uuid7()}"
    body = f'{{"username":"{name}","password":"wrong"}}'.encode()
    assert talk(bed.port, whole(body, *headers, path=SIGN_IN)).status == 401
    with bed.superuser() as asked:
        row = asked.execute(
            "SELECT detail ->> 'from' FROM audit.audit_auditentry WHERE action = 'sign_in_refused' "
            "ORDER BY pgh_id DESC LIMIT 1"
        ).fetchone()
    assert row is not None and row[0]
    return str(row[0])


@pytest.mark.req("F73")
def test_forged_forwarding_headers_change_no_address(web: Bed) -> None:
    real = address_of(web)
    for header in (
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-For: 6.6.6.6, 7.7.7.7",
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X_Forwarded_For: 6.6.6.6",
    ):
        assert address_of(web, header) == real, header


@pytest.mark.req("F73")
def test_behind_one_proxy_the_address_is_the_one_that_the_proxy_saw(bed: Bed) -> None:
    bed.start_web(PORTAL_TRUSTED_PROXIES="1")
    seen = address_of(bed, "X-Forwarded-For: 203.0.113.9")
    assert seen != address_of(bed)
    for headers in (
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.9",),
        ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9"),
        ("X-Forwarded-For: 203.0.113.9", "X_Forwarded_For: 6.6.6.6"),
    ):
        assert address_of(bed, *headers) == seen, headers
