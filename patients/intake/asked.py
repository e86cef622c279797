"""What was asked, in the little form that Django's and the API's functions need."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar

from django.conf import settings
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host
from django.utils import translation
from msgspec import Struct
from rest_framework.negotiation import DefaultContentNegotiation

from patients.intake.configured import configured
from portal.api.problems import ENVELOPE_TYPE
from portal.api.renderers import EnvelopeRenderer, JSONRenderer

_RENDERERS = (JSONRenderer(), EnvelopeRenderer())


class Asked(Struct, gc=False):
    """A request as portal.api.problems reads it: path, headers, no cookies."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    is_secure: bool = False
    COOKIES: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @property
    def META(self) -> dict[str, str]:  # noqa: N802 - Django's name
        """Return the headers as WSGI names them; names with underscores are nobody's."""
        return {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in self.headers.items()
            if b"_" not in name
        }

    @property
    def query_params(self) -> QueryDict:
        """Return the parameters of the address."""
        return QueryDict(self.query)

    @property
    def language(self) -> str:
        """Return the language that the client prefers."""
        return _language(self.headers.get(b"accept-language", b""))

    @property
    def wants_envelope(self) -> bool:
        """Whether the answer goes into an envelope. Raises: NotAcceptable."""
        accept = self.headers.get(b"accept", b"*/*")
        return accept != b"*/*" and _format(accept) == "envelope"

    def lasting(self) -> "Asked":
        """Return what an answer needs of it: one for all who ask alike, without the token."""
        headers = self.headers
        accept, language = headers.get(b"accept"), headers.get(b"accept-language")
        return _lasting(self.method, self.path, self.query, accept, language, self.is_secure)

    @property
    def has_known_host(self) -> bool:
        """Whether the Host header names this portal."""
        return _is_known_host(self.headers.get(b"host", b""))


def is_secure(scheme: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client spoke TLS, to us or to a proxy that we believe."""
    return scheme == "https" or (
        configured().proxy_says_https and headers.get(b"x-forwarded-proto") == b"https"
    )


def headers_of(listed: Any) -> dict[bytes, bytes]:
    """Return the headers by name; one that was sent twice is one list, as everywhere else."""
    headers: dict[bytes, bytes] = dict(listed)
    if len(headers) != len(listed):
        headers = {}
        for name, value in listed:
            headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


@lru_cache(maxsize=512)
def _lasting(
    method: str, path: str, query: str, accept: bytes | None, language: bytes | None, secure: bool
) -> Asked:
    headers = {b"accept": accept, b"accept-language": language}
    present = {name: value for name, value in headers.items() if value is not None}
    return Asked(method, path, query, present, secure)


@lru_cache(maxsize=512)
def _language(accepted: bytes) -> str:
    asked = Asked("GET", "/", "", {b"accept-language": accepted} if accepted else {})
    return translation.get_language_from_request(asked)  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def _format(accepted: bytes) -> str:
    if accepted == b"application/json":
        return "json"
    if accepted == ENVELOPE_TYPE.encode():
        return "envelope"
    asked = SimpleNamespace(headers={"accept": accepted.decode("latin-1")}, query_params={})
    renderer, _ = DefaultContentNegotiation().select_renderer(asked, list(_RENDERERS))  # type: ignore[arg-type]
    return str(renderer.format)


@lru_cache(maxsize=512)
def _is_known_host(host: bytes) -> bool:
    if not host:
        return True
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
