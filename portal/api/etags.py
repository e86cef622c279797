"""Versions of records in HTTP: the ETag is the version, quoted."""

from typing import Any, Protocol

from rest_framework.request import Request

from portal.core.errors import Stale, VersionMissing


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


class IfMatchMissing(VersionMissing):
    """Send If-Match with the version that you read."""

    def __init__(self, current_version: int) -> None:
        super().__init__()
        self.current_version = current_version


class VersionPassed(Stale):
    """The record has changed since you read it; read it again and repeat your change."""

    def __init__(self, current_version: int) -> None:
        super().__init__()
        self.current_version = current_version


def stated_versions(request: Request, record: Versioned) -> frozenset[str]:
    """Return the ETags that the client says it has read (RFC 9110, 13.1.1).

    `*` names no version, so it is no statement. Raises: IfMatchMissing.
    """
    stated = {part.strip() for part in request.META.get("HTTP_IF_MATCH", "").split(",")}
    tags = frozenset(stated - {"", "*"})
    if not tags:
        raise IfMatchMissing(record.version)
    return tags


def check_version(record: Versioned, stated: frozenset[str]) -> None:
    """Refuse a change of another version than the stated. Raises: VersionPassed."""
    if etag_of(record) not in stated:
        raise VersionPassed(record.version)
