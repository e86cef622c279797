"""The settings that every upload asks for, read once: Django's own look-up costs more than a check.

Settings do not change while a portal runs; a test that changes one is told to all who keep copies.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed


@dataclass(frozen=True, slots=True)
class Configured:
    """What intake needs to know of the settings."""

    largest_body: int
    seconds_of_a_request: float
    refresh_within_seconds: float
    proxy_says_https: bool
    signing_key: bytes | None  # of HS256; None where tokens are signed in another way
    leeway: int
    issuer: str
    audience: str


@cache
def configured() -> Configured:
    """Return the settings of intake."""
    tokens = settings.SIMPLE_JWT
    is_quick = tokens["ALGORITHM"] == "HS256"
    return Configured(
        largest_body=int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        seconds_of_a_request=60.0 / settings.INTAKE_REQUESTS_PER_MINUTE,
        refresh_within_seconds=settings.ACCESS_TOKEN_LIFETIME.total_seconds() / 4,
        proxy_says_https=settings.SECURE_PROXY_SSL_HEADER is not None,
        signing_key=tokens["SIGNING_KEY"].encode() if is_quick else None,
        leeway=tokens["LEEWAY"],
        issuer=tokens["ISSUER"],
        audience=tokens["AUDIENCE"],
    )


def _forget(**_: Any) -> None:
    configured.cache_clear()


setting_changed.connect(_forget)
