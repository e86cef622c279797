"""Every request has an id, an address, a source, a line, and headers."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from portal.core.history import Source, circumstances
from portal.ops.addresses import client_address
from portal.ops.middleware import RequestContextMiddleware

Lines = Callable[[], list[dict[str, Any]]]
# The name of a test is the same in every process.
FIXED = "8c2f1a34-5b6d-4e7f-9a01-23456789abcd"


def test_uuid_that_the_client_sends_is_the_request_id(client: Client, log_lines: Lines) -> None:
    sent = str(uuid.uuid4())

    response = client.get("/nothing-here/", headers={"X-Request-Id": sent})

    assert response["X-Request-Id"] == sent
    assert log_lines()[-1]["request_id"] == sent


@pytest.mark.parametrize(
    "sent",
    ["", "1", "x" * 36, "a\tb", "{" + FIXED + "}", FIXED.replace("-", ""), "é" * 36],
)
def test_anything_else_is_replaced_by_an_id_of_ours(sent: str, client: Client) -> None:
    response = client.get("/healthz", headers={"X-Request-Id": sent})

    assert response["X-Request-Id"] != sent
    assert uuid.UUID(response["X-Request-Id"]).version == 7


@pytest.mark.parametrize(
    ("path", "source"),
    [("/api/v1/trials/", Source.API), ("/admin/", Source.ADMIN), ("/", Source.API)],
)
def test_history_is_told_source_and_request_id(
    path: str, source: Source, rf: RequestFactory
) -> None:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(circumstances.get())
        return HttpResponse()

    response = RequestContextMiddleware(view)(rf.get(path))

    assert seen[0].source == source
    assert seen[0].request_id == response["X-Request-Id"]
    assert circumstances.get().request_id == ""


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "expected"),
    [
        (0, "", "192.0.2.1", "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "not an address", "10.0.0.1", "10.0.0.1"),
        (1, "2001:db8::1", "10.0.0.1", "2001:db8::1"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "", None),
    ],
)
def test_address_is_counted_from_the_right_by_declared_proxies(
    proxies: int, forwarded: str, remote: str, expected: str | None
) -> None:
    meta = {"HTTP_X_FORWARDED_FOR": forwarded, "REMOTE_ADDR": remote}

    assert client_address(meta, proxies) == expected


def test_request_line_repeats_neither_path_nor_query(client: Client, log_lines: Lines) -> None:
    client.get("/ann-miller/?search=ann-miller")

    (line,) = [each for each in log_lines() if each["event"] == "request_finished"]

    assert "ann-miller" not in str(line)
    assert (line["method"], line["status"], line["view"]) == ("GET", 404, "workbench")


def test_probes_are_measured_but_write_no_line(client: Client, log_lines: Lines) -> None:
    client.get("/healthz")

    assert log_lines() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/readyz", "/metrics", "/nothing/", "/admin/login/", "/api/v1/trials/"],
)
def test_every_answer_carries_the_headers(path: str, client: Client) -> None:
    response = client.get(path)

    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "default-src 'self'" in response["Content-Security-Policy"]


def test_bad_host_is_refused_with_headers_and_id(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]

    response = client.get("/api/v1/trials/", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert uuid.UUID(response["X-Request-Id"])


@pytest.mark.django_db
def test_no_other_origin_is_allowed_to_read(client: Client) -> None:
    for method in ("GET", "OPTIONS"):
        response = client.generic(
            method,
            "/api/v1/trials/",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
        )
        assert [name for name in response.headers if name.startswith("Access-Control")] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/metrics", "/nothing/", "/admin/login/", "/api/v1/trials/"]
)
def test_every_answer_names_what_it_is(path: str, client: Client) -> None:
    kind = client.get(path)["Content-Type"]

    assert kind in ("application/json", "application/problem+json") or "charset=utf-8" in kind


def test_in_production_browsers_are_told_to_use_tls_for_a_year(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True

    over_tls = client.get("/healthz", secure=True)
    page, probe = client.get("/admin/login/"), client.get("/healthz")

    assert over_tls["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")
    assert (page.status_code, page["Location"][:8]) == (301, "https://")
    assert probe.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/.git/config",
        "/.env",
        "/manage.py",
        "/requirements.txt",
        "/static/",
        "/static/../portal/settings.py",
        "/static/%2e%2e/manage.py",
        "/static/portal/",
    ],
)
def test_no_file_beside_the_static_ones_is_served(path: str, client: Client) -> None:
    assert client.get(path).status_code == 404
