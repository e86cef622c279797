"""Versions of records in HTTP: the ETag is the version, quoted."""

from typing import Any, Protocol

from rest_framework.request import Request


class Versioned(Protocol):
    """Anything whose changes are counted."""

    version: Any


def etag_of(record: Versioned) -> str:
    """Return the record's ETag."""
    return f'"{record.version}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client says that it has this version already (RFC 9110, 13.1.2)."""
    stated = request.META.get("HTTP_IF_NONE_MATCH", "")
    known = {part.strip().removeprefix("W/") for part in stated.split(",")}
    return "*" in known or tag in known
