"""Which browsers tell a person: subscribing, ending, and the sealed address of each."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db.models import QuerySet

from portal.accounts.models import Session, User
from portal.core.errors import FieldError, InvalidInput
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.core.sealed import KEY_BYTES, KeyRing, Place
from portal.notices.models import PushSubscription

MOST_PER_PERSON = 10
SECRET_BYTES = 16


class NotAnEndpoint(InvalidInput):
    """The endpoint is the https address that the browser's push service gave."""

    code = "push_endpoint_invalid"


class NotAPushKey(InvalidInput):
    """p256dh is a point of P-256, uncompressed, and auth 16 bytes, both in base64url."""

    code = "push_key_invalid"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a browser is reached, and what it alone can read."""

    endpoint: str
    p256dh: bytes
    auth: bytes


def subscribe(
    *, address: Address, session: Session, by: User, at: datetime, reason: str = ""
) -> PushSubscription:
    """Let a browser tell `by`; one that told somebody else tells them no more.

    Of more than ten the oldest ends. Locks: the person's row and the browser's.
    Raises: NotAnEndpoint, NotAPushKey.
    """
    host = _host(address.endpoint)
    _check_keys(address)
    digest = hashlib.sha256(address.endpoint.encode()).hexdigest()
    with acting(by=by, at=at, reason=reason or "web push"):
        User.objects.select_for_update().get(pk=by.pk)
        for other in _open().select_for_update().filter(endpoint_digest=digest):
            _end(other, "replaced", at)
        own = list(_open().filter(person=by).order_by("created_at", "id"))
        for oldest in own[: max(0, len(own) - MOST_PER_PERSON + 1)]:
            _end(oldest, "too_many", at)
        key = uuid7(at)
        return PushSubscription.objects.create(
            pk=key,
            person=by,
            session=session,
            host=host,
            endpoint_digest=digest,
            address=_sealed(address, key),
            created_at=at,
        )


def unsubscribe(
    *, subscription: PushSubscription, by: User, at: datetime, reason: str = ""
) -> None:
    """Tell the person by this browser no more."""
    with acting(by=by, at=at, reason=reason or "web push"):
        _end(subscription, "unsubscribed", at)


def end_subscription(*, subscription: PushSubscription, why: str, at: datetime) -> None:
    """End what the push service does not know any more."""
    with acting(by=SYSTEM_ACCOUNT, at=at, reason=why):
        _end(subscription, why, at)


def in_force(person: UUID) -> QuerySet[PushSubscription]:
    """Return the browsers that tell `person`: none whose session was ended by somebody."""
    return _open().filter(person=person, person__is_active=True, session__revoked_at__isnull=True)


def address_of(subscription: PushSubscription) -> Address:
    """Return where a browser is reached. Raises: KeyMissing, SealBroken."""
    clear = orjson.loads(_ring().open(bytes(subscription.address), _place(subscription.pk)))
    return Address(clear["endpoint"], bytes.fromhex(clear["p256dh"]), bytes.fromhex(clear["auth"]))


def _open() -> QuerySet[PushSubscription]:
    return PushSubscription.objects.filter(ended_at__isnull=True)


def _end(subscription: PushSubscription, why: str, at: datetime) -> None:
    _open().filter(pk=subscription.pk).update(ended_at=at, end_reason=why)


def _host(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        port, parts = None, urlsplit("")
    listed = {parts.hostname, f"{parts.hostname}:{port}"} & set(settings.OUTBOUND_ALLOW)
    is_fit = parts.scheme == "https" or (parts.scheme == "http" and listed)
    if not is_fit or not parts.hostname or parts.username or not endpoint.isascii():
        detail = str(NotAnEndpoint.__doc__)
        raise NotAnEndpoint(errors=(FieldError("/endpoint", NotAnEndpoint.code, detail),))
    return parts.hostname


def _check_keys(address: Address) -> None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), address.p256dh)
        is_fit = len(address.p256dh) == 65 and len(address.auth) == SECRET_BYTES
    except ValueError:
        is_fit = False
    if not is_fit:
        detail = str(NotAPushKey.__doc__)
        raise NotAPushKey(errors=(FieldError("/keys", NotAPushKey.code, detail),))


def _sealed(address: Address, row: UUID) -> bytes:
    clear = orjson.dumps(
        {
            "endpoint": address.endpoint,
            "p256dh": address.p256dh.hex(),
            "auth": address.auth.hex(),
        }
    )
    return _ring().seal(clear, _place(row))


def _place(row: UUID) -> Place:
    return Place(PushSubscription._meta.db_table, "address", row)


def _ring() -> KeyRing:
    return _derived(str(settings.SECRET_KEY))


@lru_cache(maxsize=4)
def _derived(secret: str) -> KeyRing:
    """Return the ring of one key. With another secret a browser has to subscribe again."""
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"portal push subscriptions").derive(
        secret.encode()
    )
    return KeyRing({hashlib.sha256(key).hexdigest()[:16]: key})
