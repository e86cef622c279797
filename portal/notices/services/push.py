"""Which browsers tell a person: subscribing, ending, and the sealed address of each."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db.models import Q, QuerySet

from portal.accounts.models import Session, User
from portal.audit.record import Action, record
from portal.core.errors import FieldError, InvalidInput, RuleBroken, Unavailable
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.core.sealed import KeyMissing, KeyRing, Place, key_id_of, key_ring
from portal.notices.models import PushSubscription

MOST_PER_PERSON = 10
SECRET_BYTES = 16
# Why a browser ended that its push service does not know any more.
GONE = "gone"


class NotAnEndpoint(InvalidInput):
    """The endpoint is the https address that the browser's push service gave."""

    code = "push_endpoint_invalid"


class NotToldHere(RuleBroken):
    """By this browser you are not told, so that no other address can take its place: sign it up."""

    code = "push_subscription_unknown"


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
    Raises: NotAnEndpoint, NotAPushKey, KeyMissing.
    """
    known = _known_by(address)
    with acting(by=by, at=at, reason=reason or "web push"):
        User.objects.select_for_update().get(pk=by.pk)
        _make_room(_open(), known["endpoint_digest"], by, at)
        key = uuid7(at)
        return PushSubscription.objects.create(
            pk=key,
            person=by,
            session=session,
            address=_sealed(address, key),
            created_at=at,
            **known,
        )


def renew(
    *, address: Address, previous: str, session: Session, by: User, at: datetime, reason: str = ""
) -> PushSubscription:
    """Let a browser whose address changed by itself go on telling `by`; its row stays the same.

    It is known by its `previous` endpoint, or by its session where the browser does not say that
    one. The push service may have said already that it is gone. Nobody else who has signed in there
    since is told by it. Locks: the person's row and the browser's.
    Raises: NotAnEndpoint, NotAPushKey, KeyMissing, NotToldHere.
    """
    known = _known_by(address)
    with acting(by=by, at=at, reason=reason or "web push"):
        User.objects.select_for_update().get(pk=by.pk)
        told = PushSubscription.objects.filter(
            person=by, session__revoked_at__isnull=True, end_reason__in=("", GONE)
        )
        here = Q(endpoint_digest=_digest(previous)) if previous else Q(session=session)
        # One that still tells comes first.
        row = told.filter(here).order_by("end_reason", "-created_at").first()
        if row is None:
            raise NotToldHere()
        _make_room(_open().exclude(pk=row.pk), known["endpoint_digest"], by, at)
        PushSubscription.objects.filter(pk=row.pk).update(
            session=session,
            address=_sealed(address, row.pk),
            ended_at=None,
            end_reason="",
            **known,
        )
        return row


def _make_room(others: QuerySet[PushSubscription], digest: str, by: User, at: datetime) -> None:
    """End the others with the same address, and the oldest of too many."""
    for other in others.select_for_update().filter(endpoint_digest=digest):
        _end(other, "replaced", at)
    own = list(others.filter(person=by).order_by("created_at", "id"))
    for oldest in own[: max(0, len(own) - MOST_PER_PERSON + 1)]:
        _end(oldest, "too_many", at)


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
    clear = orjson.loads(key_ring().open(bytes(subscription.address), _place(subscription.pk)))
    return Address(clear["endpoint"], bytes.fromhex(clear["p256dh"]), bytes.fromhex(clear["auth"]))


def rotate_addresses(
    *, batch: int, by: UUID = SYSTEM_ACCOUNT, at: datetime, reason: str = "keys rotated"
) -> tuple[int, list[UUID]]:
    """Seal the addresses of browsers under the current key; return how many, and what stays shut.

    Each batch is one transaction, so that a run that died goes on with what is left. Browsers that
    tell nobody any more keep what they have: nobody opens it again.
    Locks: the rows of one batch. Raises: KeyMissing.
    """
    ring = key_ring()
    if not ring.current:
        raise KeyMissing()
    done, refused = 0, list[UUID]()
    after: UUID | None = None
    while True:
        with acting(by=by, at=at, reason=reason):
            rows = _open() if after is None else _open().filter(pk__gt=after)
            held = list(rows.select_for_update().order_by("pk")[:batch])
            if not held:
                return done, refused
            sealed = [row for row in held if _seal_anew(row, ring, refused)]
            PushSubscription.objects.bulk_update(sealed, ["address"])
            if sealed:
                record(
                    Action.KEYS_ROTATED,
                    by=by,
                    at=at,
                    resource="push_subscription",
                    detail={"key_id": ring.current, "rows": len(sealed)},
                )
        done += len(sealed)
        after = held[-1].pk


def _seal_anew(row: PushSubscription, ring: KeyRing, refused: list[UUID]) -> bool:
    sealed = bytes(row.address)
    try:
        if key_id_of(sealed) == ring.current:
            return False
        row.address = ring.seal(ring.open(sealed, _place(row.pk)), _place(row.pk))
    except Unavailable:
        refused.append(row.pk)
        return False
    return True


def _open() -> QuerySet[PushSubscription]:
    return PushSubscription.objects.filter(ended_at__isnull=True)


def _end(subscription: PushSubscription, why: str, at: datetime) -> None:
    _open().filter(pk=subscription.pk).update(ended_at=at, end_reason=why)


def _known_by(address: Address) -> dict[str, str]:
    """Return what is kept in clear of an address. Raises: NotAnEndpoint, NotAPushKey."""
    host = _host(address.endpoint)
    _check_keys(address)
    return {"host": host, "endpoint_digest": _digest(address.endpoint)}


def _digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


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
    return key_ring().seal(clear, _place(row))


def _place(row: UUID) -> Place:
    return Place(PushSubscription._meta.db_table, "address", row)
