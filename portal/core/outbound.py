"""The one way out: requests to other machines, never to our own network (ASVS 5.0 1.3.6, API7).

The host is resolved once, every address that it has is judged, and the connection goes to the very
address that was judged: a name that changes its mind in between leads nowhere else. A redirect is
another address, judged like the first. Private, loopback, link-local and metadata addresses are
refused unless PORTAL_OUTBOUND_ALLOW names the host, the address or its network.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings

from portal.core.errors import Unavailable

LONGEST_ANSWER = 2 * 1024 * 1024
CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 20.0
_PART = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Public addresses by which clouds tell machines about themselves.
_METADATA = frozenset({"168.63.129.16", "192.0.0.192", "100.100.100.200"})
# An address of version 4 inside one of version 6: NAT64 and 6to4.
_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
Address = IPv4Address | IPv6Address


class OutboundRefused(Unavailable):
    """This address is not one that the portal calls."""

    code = "outbound_refused"


class OutboundFailed(Unavailable):
    """The other machine did not answer as it should."""

    code = "outbound_failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other machine answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    longest: int = LONGEST_ANSWER,
    seconds: float = WHOLE_SECONDS,
    redirects: int = 0,
) -> Answer:
    """Send one request and return the whole answer.

    At most `longest` bytes are read and `seconds` are spent, redirects included; of those
    `redirects` are followed, by GET and HEAD only. HTTPS, unless the host is on the list.
    Raises: OutboundRefused, OutboundFailed.
    """
    deadline = time.monotonic() + seconds
    for _ in range(redirects + 1):
        answer = _once(url, method, body, headers or {}, longest, deadline)
        if answer.status not in _REDIRECTS:
            return answer
        if method not in ("GET", "HEAD"):
            break
        url = urljoin(url, answer.headers.get("location", ""))
    raise OutboundFailed("The other machine sends us elsewhere.")


def _once(
    url: str,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    longest: int,
    deadline: float,
) -> Answer:
    parts, port = _read(url)
    host = parts.hostname or ""
    connection = _Pinned(host, port, _judged(host, port), parts.scheme == "https", deadline)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            method, target, body, {"Accept-Encoding": "identity", "Connection": "close", **headers}
        )
        response = connection.getresponse()
        received = _received(response, connection, longest, deadline)
    except (OSError, http.client.HTTPException) as error:
        raise OutboundFailed(type(error).__name__) from error
    finally:
        connection.close()
    told = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, told, received)


def _read(url: str) -> tuple[SplitResult, int]:
    """Return the parts of an address that can be called. Raises: OutboundRefused."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        raise OutboundRefused() from None
    is_plain = any(ord(sign) <= 32 or ord(sign) == 127 for sign in url)
    if not parts.hostname or not port or parts.username or parts.password or is_plain:
        raise OutboundRefused()
    if parts.scheme == "http" and not _is_listed(parts.hostname, port):
        raise OutboundRefused("Other machines are called by HTTPS.")
    return parts, port


def _judged(host: str, port: int) -> tuple[int, str]:
    """Resolve a host and return (family, address) to connect to. Raises: OutboundRefused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutboundFailed("The host has no address.") from None
    addresses = [(int(family), str(where[0]).partition("%")[0]) for family, *_, where in found]
    for _, address in addresses:
        # One bad address condemns the host: which of them is taken is not the host's to choose.
        if not is_public(address) and not _is_listed(host, port) and not _is_listed(address, port):
            raise OutboundRefused()
    if not addresses:
        raise OutboundFailed("The host has no address.")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is on the public internet, whatever way it is written."""
    address: Address = ip_address(text)
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.teredo is not None or address in _LOCAL_NAT64:
            return False
    return address.is_global and not address.is_multicast and text not in _METADATA


def _is_listed(host: str, port: int) -> bool:
    """Whether the setting names a host, host:port, address or network."""
    for entry in settings.OUTBOUND_ALLOW:
        if entry in (host, f"{host}:{port}"):
            return True
        try:
            if ip_address(host) in ip_network(entry):
                return True
        except ValueError:
            continue
    return False


class _Pinned(http.client.HTTPConnection):
    """A connection to one judged address, under the name that its certificate must have."""

    def __init__(
        self, host: str, port: int, where: tuple[int, str], is_tls: bool, deadline: float
    ) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self._where, self._is_tls, self._deadline = where, is_tls, deadline

    def connect(self) -> None:
        """Connect to the address, not to whatever the name says now."""
        family, address = self._where
        raw = socket.socket(family, socket.SOCK_STREAM)
        self.sock = raw
        raw.settimeout(min(CONNECT_SECONDS, left(self._deadline)))
        raw.connect((address, self.port))
        if self._is_tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(raw, server_hostname=self.host)
        self.sock.settimeout(left(self._deadline))


def left(deadline: float) -> float:
    """Return how many seconds are left. Raises: TimeoutError."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _received(
    response: http.client.HTTPResponse, connection: _Pinned, longest: int, deadline: float
) -> bytes:
    """Read the body part by part. Raises: OutboundFailed, TimeoutError."""
    body = bytearray()
    while True:
        # A machine that sends one byte a second must not hold us beyond the deadline.
        if connection.sock is not None:
            connection.sock.settimeout(left(deadline))
        left(deadline)
        part = response.read1(_PART)
        if not part:
            return bytes(body)
        body += part
        if len(body) > longest:
            raise OutboundFailed("The answer is too long.")
