"""Whose request it is: the client's address, behind as many proxies as are declared."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any


def client_address(meta: Mapping[str, Any], trusted_proxies: int) -> str | None:
    """Return the client's address, or None when it has none (a Unix socket).

    Each trusted proxy appends who called it to X-Forwarded-For, so the client stands as many
    places from the right as there are proxies. What stands further left anybody can write.
    """
    if trusted_proxies > 0:
        forwarded = str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        if len(forwarded) >= trusted_proxies:
            found = _valid(forwarded[-trusted_proxies].strip())
            if found is not None:
                return found
    return _valid(str(meta.get("REMOTE_ADDR") or ""))


def is_loopback(address: str | None) -> bool:
    """Whether `address` is this machine itself."""
    return address is not None and ip_address(address).is_loopback


def _valid(text: str) -> str | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
