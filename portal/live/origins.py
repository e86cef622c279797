"""From which pages a browser may open a socket."""

from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_allowed_origin(scope: Any) -> bool:
    """Whether the page that opens the socket is the portal's own or a listed one.

    A program that sends no Origin is no browser and carries no cookie of ours: it proves itself by
    ticket or token like everybody. Source: RFC 6455 10.2, OWASP ASVS 5.0 4.4.2.
    """
    origins = _all(scope, b"origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    origin = origins[0].lower()
    return origin in settings.ALLOWED_ORIGINS or origin == _own_origin(scope)


def _own_origin(scope: Any) -> str | None:
    hosts = _all(scope, b"host")
    if len(hosts) != 1:
        return None
    host = hosts[0].lower()
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return None
    secure = settings.PRODUCTION or scope.get("scheme") == "wss"
    return f"{'https' if secure else 'http'}://{host}"


def _all(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]
