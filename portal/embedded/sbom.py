"""The software bill of materials: what the portal runs on, in CycloneDX 1.6. Made by `./run lock`.

Source: ECMA-424. Licenses are those that the installed packages declare.
"""

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from portal.embedded.home import ROOT
from portal.embedded.locks import RUNTIME, Locked, read_lock

SBOM = "docs/sbom.cdx.json"


def component(entry: Locked, former: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return a package as a CycloneDX component, with every locked hash.

    `former` are the licenses of the bill so far, by name and version: what only another Python
    needs is not installed here.
    """
    name = entry.requirement.name
    described: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{name}@{entry.version}",
        "name": name,
        "version": entry.version,
        "purl": f"pkg:pypi/{name}@{entry.version}",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(entry.hashes)],
    }
    license_name = _license(name) or former.get((name, entry.version), "")
    if license_name:
        described["licenses"] = [{"license": {"name": license_name}}]
    return described


def bill(lock: str = RUNTIME) -> str:
    """Return the bill of a lock; equal locks and licenses give equal text."""
    entries = sorted(read_lock(lock), key=lambda entry: (entry.requirement.name, entry.version))
    former = _former_licenses()
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "clinical-research-portal"}},
        "components": [component(entry, former) for entry in entries],
    }
    return json.dumps(document, indent=1) + "\n"


def write() -> None:
    """Write the bill beside the documents."""
    (ROOT / SBOM).write_text(bill())


def _former_licenses() -> dict[tuple[str, str], str]:
    components = json.loads((ROOT / SBOM).read_text())["components"]
    return {
        (part["name"], part["version"]): part["licenses"][0]["license"]["name"]
        for part in components
        if part.get("licenses")
    }


def _license(name: str) -> str:
    try:
        told: dict[str, Any] = metadata.metadata(name).json
    except metadata.PackageNotFoundError:
        return ""
    if told.get("license_expression"):
        return str(told["license_expression"])
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in told.get("classifier", [])
        if value.startswith("License :: ")
    ]
    first_line = str(told.get("license", "")).strip().split("\n")[0]
    return " AND ".join(sorted(set(classifiers))) or first_line[:100]
