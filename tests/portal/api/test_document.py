"""The OpenAPI document: complete, without warnings, the same as the committed one."""

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from portal.api.document import document

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "openapi.yaml"


def test_document_is_valid_without_warnings_and_the_committed_one() -> None:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert out.getvalue().strip() == COMMITTED.read_text().strip(), (
        "./run manage spectacular --validate --fail-on-warn --file docs/openapi.yaml"
    )


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("?format=yaml", "*/*", "application/yaml"),
        ("?format=json", "application/yaml", "application/json"),
        ("", "application/yaml", "application/yaml"),
        ("", "application/vnd.oai.openapi", "application/vnd.oai.openapi"),
        ("", "application/vnd.oai.openapi+json", "application/vnd.oai.openapi+json"),
    ],
)
def test_document_comes_as_json_and_as_yaml(query: str, accept: str, kind: str) -> None:
    answer = Client().get(f"/api/v1/schema/{query}", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] == kind
    assert yaml.safe_load(answer.content)["paths"].keys() == document()["paths"].keys()


def test_every_operation_declares_its_refusals_as_problems() -> None:
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            statuses = set(operation["responses"])
            assert {"400", "406", "503"} <= statuses, path
            if operation.get("security"):
                assert {"401", "403"} <= statuses, path
            if "{" in path:
                assert "404" in statuses, path


def test_the_page_of_the_document_brings_everything_itself() -> None:
    answer = Client().get("/api/v1/docs/", headers={"accept": "text/html"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "//" not in page.replace("<!doctype html>", "")
    assert "<style" not in page
    assert page.count("<script src=") == page.count("<script") == 2
    assert "unsafe" not in answer["Content-Security-Policy"]
