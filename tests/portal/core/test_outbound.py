"""The portal calls other machines by one way, and never its own network unless told."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from portal.core import outbound
from portal.core.outbound import OutboundFailed, OutboundRefused, fetch, is_public

pytestmark = pytest.mark.req("F90")


@contextmanager
def machine(*answers: bytes, pause: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """A machine on this one that gives each caller the next answer; notes what was asked."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        for answer in answers:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                asked.append(caller.recv(65536))
                for at in range(0, len(answer), 1 if pause else len(answer)):
                    if stop.wait(pause):
                        return
                    try:
                        caller.sendall(answer[at : at + (1 if pause else len(answer))])
                    except OSError:
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
    finally:
        stop.set()
        server.close()
        thread.join(timeout=10)


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "198.51.100.7",
    ],
)  # fmt: skip
def test_no_private_or_special_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "64:ff9b::909:909"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/",
        "https://0x7f000001/", "https://2130706433/", "https://127.1/", "http://example.org/",
        "https://user:secret@example.org/", "ftp://example.org/", "file:///etc/passwd", "//x/",
        "https:///x", "gopher://127.0.0.1:6379/_x", "https://example.org:99999/",
        "https://example.org/a b", "https://example.org/\r\nHost: x", "",
    ],
)  # fmt: skip
def test_what_is_not_a_public_https_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises((OutboundRefused, OutboundFailed)) as refused:
        fetch(url, seconds=5)
    assert "secret" not in refused.value.detail


def test_a_named_host_is_called_and_the_whole_answer_returned(settings: Settings) -> None:
    with machine(http("200 OK", b"hello", "X-Kind: greeting")) as (place, asked):
        settings.OUTBOUND_ALLOW = [place]
        answer = fetch(f"http://{place}/a?b=c", headers={"Accept": "text/plain"})
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (200, b"hello", "greeting")
    assert asked[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: " + place.encode())
    assert b"Accept-Encoding: identity" in asked[0]


@pytest.mark.parametrize("allowed", [["127.0.0.0/8"], ["127.0.0.1"]])
def test_an_address_or_a_network_can_be_named(settings: Settings, allowed: list[str]) -> None:
    settings.OUTBOUND_ALLOW = allowed
    with machine(http("204 No Content")) as (place, _):
        assert fetch(f"http://{place}/").status == 204


def test_a_name_that_changes_its_mind_leads_nowhere_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the connection goes to the address that was judged, and it is asked once."""
    told: list[str] = []
    with machine(http("200 OK")) as (place, asked):
        port = int(place.rpartition(":")[2])

        def resolve(host: str, *_: object, **__: object) -> list[object]:
            told.append(host)
            address = "127.0.0.1" if len(told) == 1 else "10.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(outbound.socket, "getaddrinfo", resolve)
        settings.OUTBOUND_ALLOW = [f"rebinding.example:{port}"]
        assert fetch(f"http://rebinding.example:{port}/").status == 200
    assert told == ["rebinding.example"]
    assert f"Host: rebinding.example:{port}".encode() in asked[0]


def test_one_private_address_condemns_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, 1, 6, "", (ip, 443)) for ip in ("9.9.9.9", "169.254.169.254")]
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(OutboundRefused):
        fetch("https://two.example/")


def test_redirects_are_not_followed_unless_asked_and_each_is_judged(settings: Settings) -> None:
    away = http("302 Found", b"", "Location: http://169.254.169.254/latest/meta-data/")
    home = http("301 Moved", b"", "Location: /there")
    with machine(away, away, home, http("200 OK", b"x")) as (place, asked):
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(OutboundFailed):
            fetch(f"http://{place}/")
        with pytest.raises(OutboundRefused):
            fetch(f"http://{place}/", redirects=3)
        assert fetch(f"http://{place}/", redirects=1).body == b"x"
    assert asked[-1].startswith(b"GET /there ")


def test_too_long_an_answer_is_not_read_to_its_end(settings: Settings) -> None:
    with machine(http("200 OK", b"x" * 200_000)) as (place, _):
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(OutboundFailed, match="too long"):
            fetch(f"http://{place}/", longest=100_000)


def test_a_machine_that_dawdles_is_left(settings: Settings) -> None:
    began = time.monotonic()
    with machine(http("200 OK", b"x" * 1000), pause=0.2) as (place, _):
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(OutboundFailed):
            fetch(f"http://{place}/", seconds=0.5)
    assert time.monotonic() - began < 60


def test_certificates_are_checked_by_name(settings: Settings) -> None:
    with machine(b"not a handshake") as (place, _):
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(OutboundFailed, match="SSL"):
            fetch(f"https://{place}/", seconds=5)
