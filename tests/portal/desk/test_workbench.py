"""The shell of the workbench: at its own addresses, and at nobody else's."""

import gzip
import re

import pytest
from django.test import Client

from portal.desk.workbench import build
from portal.embedded.home import ROOT

pytestmark = pytest.mark.django_db
FIRST_LOAD_LIMIT = 300_000


@pytest.mark.parametrize("address", ["/", "/sign-in", "/wall", "/wall/site/x", "/inbox"])
def test_shell_is_at_every_address_of_the_workbench(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert build().script in answer.content.decode()


def test_shell_says_itself_that_an_address_leads_nowhere(client: Client) -> None:
    answer = client.get("/no/such/place")
    assert answer.status_code == 404
    assert build().script in answer.content.decode()


@pytest.mark.parametrize(
    "address",
    ["/api", "/api/v1/nothing/", "/admin", "/diary/", "/ws/live/", "/static/none.js", "/a/none.js"],
)
def test_shell_stands_for_nothing_of_others(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert build().script not in answer.content.decode()


def test_shell_is_read_and_not_written_to(client: Client) -> None:
    assert client.post("/wall").status_code == 405


def test_shell_needs_neither_inline_script_nor_inline_style(client: Client) -> None:
    answer = client.get("/")
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert "<style" not in page and " style=" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')


def test_built_files_are_kept_for_good(client: Client) -> None:
    for address in (build().script, *build().imports, *build().styles):
        assert "immutable" in _cache_control(client, address), address


def test_files_without_a_hash_are_looked_for_again(client: Client) -> None:
    assert "immutable" not in _cache_control(client, "/static/portal/tokens.css")


def _cache_control(client: Client, address: str) -> str:
    answer = client.get(address)
    answer.close()  # it holds the file
    assert answer.status_code == 200, address
    return str(answer["Cache-Control"])


def test_service_worker_serves_every_address_and_is_asked_for_each_time(client: Client) -> None:
    answer = client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert (answer["Service-Worker-Allowed"], answer["Cache-Control"]) == ("/", "no-cache")
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert client.post("/service-worker.js").status_code == 405


def test_service_worker_keeps_nothing_and_stands_between_nobody(client: Client) -> None:
    script = client.get("/service-worker.js").content.decode()
    for word in ("caches", "indexedDB", "'fetch'"):
        assert word not in script
    assert set(re.findall(r"ask\('([^']+)'", script)) == {
        "auth/token/refresh/",
        "push-subscriptions/key/",
        "push-subscriptions/renew/",
    }
    assert script.count("fetch(") == 1


def test_first_load_is_small() -> None:
    first = (build().script, *build().imports, *build().styles)
    files = [ROOT / "portal" / address.removeprefix("/") for address in first]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < FIRST_LOAD_LIMIT
