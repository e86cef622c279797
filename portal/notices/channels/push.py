"""Letters by web push: to each browser where the person wants to be told (RFC 8030, 8291, 8292).

The push service learns nothing but that there is a message: the browser fetches the rest with its
session. Every service is called through the one way out, so none in our own network.
"""

import base64
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson
import structlog
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from py_vapid import Vapid02

from portal.core import clock
from portal.core.outbound import OutboundFailed, OutboundRefused, fetch
from portal.notices.channels.base import Answer, Letter, Outcome, carries
from portal.notices.channels.breaker import breaker_of
from portal.notices.channels.email import RESTS
from portal.notices.channels.encryption import encrypt, public_bytes
from portal.notices.models import PushSubscription
from portal.notices.services.push import GONE, Address, address_of, end_subscription, in_force

log = structlog.get_logger(__name__)

SECONDS = 10.0
LONGEST_ANSWER = 16 * 1024
TTL_SECONDS = 24 * 3600
TOKEN_SECONDS = 12 * 3600
_URGENCY: Mapping[str, str] = {"routine": "normal", "urgent": "high", "safety": "high"}
_GONE = frozenset({404, 410})
_BUSY = frozenset({408, 425, 429})
# The best answer of several browsers is the person's.
_BEST_FIRST = (Outcome.SENT, Outcome.FAILED, Outcome.REFUSED, Outcome.NO_ADDRESS)


def key() -> Vapid02 | None:
    """Return the key by which push services know us, None where none is named."""
    return Vapid02.from_raw(str(settings.VAPID_KEY).encode()) if settings.VAPID_KEY else None


def public_key() -> str:
    """Return what a browser subscribes with; empty where there is no key."""
    held = key()
    return _encoded(public_bytes(held.private_key)) if held else ""


@carries("push")
def send_push(letter: Letter) -> Answer:
    """Send a letter to every browser of the person; never raises."""
    held = key()
    if held is None:
        return Answer(Outcome.NO_ADDRESS, "no key for web push is named")
    found = [_tried(held, letter, subscription) for subscription in in_force(letter.person)]
    if not found:
        return Answer(Outcome.NO_ADDRESS)
    return min(found, key=lambda answer: _BEST_FIRST.index(answer.outcome))


def _tried(held: Vapid02, letter: Letter, subscription: PushSubscription) -> Answer:
    try:
        return _sent(held, letter, subscription)
    except Exception as error:
        # A subscription that cannot be read must not keep the person's other browsers.
        log.error("push_not_written", error=type(error).__qualname__)
        return Answer(Outcome.FAILED, type(error).__name__)


def _sent(held: Vapid02, letter: Letter, subscription: PushSubscription) -> Answer:
    address = address_of(subscription)
    breaker = breaker_of("push", subscription.host)
    if not breaker.may_ask():
        return Answer(Outcome.FAILED, RESTS)
    try:
        told = fetch(
            address.endpoint,
            method="POST",
            body=encrypt(payload(letter), browser_key=address.p256dh, browser_secret=address.auth),
            headers=_headers(held, letter, address),
            longest=LONGEST_ANSWER,
            seconds=SECONDS,
        )
    except OutboundRefused:
        breaker.worked()
        return Answer(Outcome.REFUSED, "this address is not one that the portal calls")
    except OutboundFailed as error:
        breaker.failed()
        return Answer(Outcome.FAILED, error.detail[:100])
    if told.status >= 500:
        breaker.failed()
    else:
        breaker.worked()
    if told.status in _GONE:
        end_subscription(subscription=subscription, why=GONE, at=clock.now())
    return Answer(_outcome(told.status), f"HTTP {told.status}", letter.id.hex)


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.SENT
    return Outcome.FAILED if status >= 500 or status in _BUSY else Outcome.REFUSED


def payload(letter: Letter) -> bytes:
    """Return what the browser shows: that there is a message, and of which notice."""
    with translation.override(letter.language):
        return orjson.dumps(
            {"id": letter.id, "about": letter.about, "title": _("You have a message")}
        )


def _headers(held: Vapid02, letter: Letter, address: Address) -> dict[str, str]:
    parts = urlsplit(address.endpoint)
    signed: dict[str, str] = held.sign(
        {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "sub": settings.PUSH_CONTACT,
            "exp": int(time.time()) + TOKEN_SECONDS,
        }
    )
    return {
        **signed,
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(TTL_SECONDS),
        "Urgency": _URGENCY.get(letter.urgency, "normal"),
        # The same for every attempt: a service that still has the first one replaces it (F11).
        "Topic": letter.id.hex,
    }


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
