"""The bill of materials names everything that the portal runs on."""

import json
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from portal.embedded.home import ROOT
from portal.embedded.locks import RUNTIME, read_lock
from portal.embedded.sbom import SBOM


@pytest.fixture(scope="module")
def components() -> list[dict[str, object]]:
    return list(json.loads((ROOT / SBOM).read_text())["components"])


def test_bill_names_every_locked_package_with_its_hashes(
    components: list[dict[str, object]],
) -> None:
    locked = {(entry.requirement.name, entry.version): entry.hashes for entry in read_lock(RUNTIME)}
    billed = {
        (part["name"], part["version"]): {each["content"] for each in part["hashes"]}  # type: ignore[attr-defined]
        for part in components
    }
    assert billed == locked


def test_every_package_that_runs_is_billed_with_a_license(
    components: list[dict[str, object]],
) -> None:
    """What is installed beyond the runtime lock is for development, and in that lock."""
    billed = {str(part["name"]): part for part in components}
    development = {entry.requirement.name for entry in read_lock("requirements-dev.txt")}
    tools = {"pip", "setuptools", "uv"}
    installed = {canonicalize_name(found.metadata["Name"]) for found in metadata.distributions()}
    assert installed - set(billed) - development - tools == set()
    assert not [name for name in installed & set(billed) if not billed[name].get("licenses")]
