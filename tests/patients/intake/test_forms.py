"""What is refused before anything is read of it, in the shape of the rest of the API."""

import json
from typing import Any

import pytest
from django.test import Client as DjangoClient

from patients.intake.app import running
from tests.patients.intake.phones import Client, Ward, report, rows

pytestmark = pytest.mark.django_db(transaction=True)
REPORTS = "/api/v1/intake/epro-reports/"


async def test_request_that_cannot_be_right_is_refused_as_everywhere(
    ward: Ward, client: Client
) -> None:
    good = json.dumps(report(ward.patient)).encode()
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (401, "token_missing", {"token": None}),
        (401, "token_invalid", {"token": ward.token[:-2]}),
        (401, "token_invalid", {"token": None, "authorization": "Basic eDp5"}),
        (405, "method_not_allowed", {"method": "PUT"}),
        (405, "method_not_allowed", {"method": "OPTIONS"}),
        (404, "not_found", {"path": REPORTS[:-1]}),
        (404, "not_found", {"path": REPORTS + "x/"}),
        (400, "bad_request", {"host": "elsewhere.example"}),
        (406, "not_acceptable", {"accept": "text/html"}),
        (415, "unsupported_media_type", {"content_type": "text/plain"}),
        (415, "unsupported_media_type", {"content_type": ""}),
        (415, "unsupported_media_type", {"content_encoding": "gzip"}),
        (413, "too_large", {"content_length": "99999999"}),
        (413, "too_large", {"chunks": [b"x" * 2_000_000, b"x" * 2_000_000]}),
        (400, "unknown_parameter", {"query": "limit=1"}),
        (400, "malformed_json", {"body": b"{"}),
        (400, "malformed_json", {"body": b""}),
        (400, "duplicate_key", {"body": b'{"a":1,"a":2}'}),
        (400, "nul_character", {"body": b'{"a":"\\u0000"}'}),
        (400, "lone_surrogate", {"body": b'{"a":"\\ud800"}'}),
        (400, "not_a_number", {"body": b'{"a":NaN}'}),
        (400, "too_deep", {"body": b"[" * 100 + b"]" * 100}),
    ]
    wrong = []
    for status, code, changes in cases:
        asked = {"method": "POST", "path": REPORTS, "body": good, "token": ward.token} | changes
        answer = await client.call(**asked)
        told = (answer.status, answer.json().get("code"), answer.headers["content-type"])
        if told != (status, code, "application/problem+json"):
            wrong.append((changes.keys(), told))

    assert wrong == []
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(0,)]


@pytest.mark.req("F66")
async def test_body_in_chunks_is_one_body_and_a_cut_one_stores_nothing(
    ward: Ward, client: Client
) -> None:
    body = json.dumps(report(ward.patient)).encode()

    whole = await client.post("epro-reports", b"", ward.token, chunks=[body[:9], body[9:], b""])
    cut = [await client.post("epro-reports", body[:k], ward.token) for k in range(0, 300, 60)]

    assert whole.status == 202
    assert {answer.status for answer in cut} == {400}
    assert await rows("SELECT count(*) FROM patients_eproreport") == [(1,)]


async def test_envelope_holds_receipts_and_refusals(ward: Ward, client: Client) -> None:
    accept = "application/vnd.portal.envelope+json"

    good = await client.post("epro-reports", report(ward.patient), ward.token, accept=accept)
    bad = await client.post("epro-reports", b"{", ward.token, accept=accept)

    assert (good.status, good.json()["code"], good.json()["message"]) == (202, 0, "ok")
    assert good.json()["data"]["status"] == "received"
    assert (bad.status, bad.json()["code"]) == (400, 400)
    assert good.headers["content-type"] == bad.headers["content-type"] == accept


async def test_refusals_speak_the_language_of_the_phone(ward: Ward, client: Client) -> None:
    english = await client.post("epro-reports", b"{", ward.token)
    chinese = await client.post("epro-reports", b"{", ward.token, accept_language="zh-Hans")

    assert english.headers["content-language"] == "en"
    assert chinese.headers["content-language"] == "zh-hans"
    assert english.json()["title"] != chinese.json()["title"]


async def test_answers_carry_the_headers_of_the_rest_of_the_api(ward: Ward, client: Client) -> None:
    sent = "01890000-0000-7000-8000-0000000000ff"
    answer = await client.post("epro-reports", report(ward.patient), ward.token, x_request_id=sent)
    import asyncio

    others = await asyncio.to_thread(DjangoClient().get, "/api/v1/auth/me/")

    ours = {name: answer.headers.get(name.lower()) for name in others.headers}
    apart = {
        name: (value, ours[name])
        for name, value in others.headers.items()
        if name.lower()
        not in ("content-type", "content-length", "x-request-id", "www-authenticate", "allow")
        and {p.strip() for p in value.split(",")}
        != {p.strip() for p in (ours[name] or "").split(",")}
    }
    assert apart == {}
    assert answer.headers["x-request-id"] == sent
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.req("F72")
async def test_limit_is_the_patients_own_and_never_an_addresss(
    ward: Ward, client: Client, settings: Any
) -> None:
    settings.INTAKE_REQUESTS_PER_MINUTE = 3
    body = report(ward.patient)

    answers = [await client.post("epro-reports", body, ward.token) for _ in range(5)]
    other = await client.post("epro-reports", report(ward.other), ward.other_token)

    assert [answer.status for answer in answers] == [202] * 3 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert other.status == 202


async def test_full_queue_is_shed_with_advice(
    ward: Ward, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patients.intake.committer.LEAST_WAITING", 0)
    intake = await running()
    for lane in intake.lanes.values():
        lane._rate = 0.0

    answer = await client.post("epro-reports", report(ward.patient), ward.token)

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 2
