"""`Idempotency-Key`: a request that is repeated is answered again, not done again.

The answer is kept in the transaction of the change: a crash leaves both or none. It is sealed under
a key that is derived from SECRET_KEY, so that a copy of the table tells nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.models import User
from portal.api.errors import problem_type
from portal.api.models import StoredAnswer
from portal.api.renderers import JSONRenderer
from portal.core.errors import FieldError, InvalidInput, RuleBroken
from portal.core.ids import uuid7
from portal.core.sealed import KEY_BYTES, KeyMissing, KeyRing, Place

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_META = "HTTP_IDEMPOTENCY_KEY"
_TOLD_AGAIN = ("ETag", "Location", "Content-Language")
# What is decided by the record and the body, so that it stays true under this key. Who may, which
# version, how it was sent, and trouble of ours are judged anew with every call.
KEPT_STATUSES = frozenset({400, 409})


class MalformedKey(InvalidInput):
    """Idempotency-Key is a UUID."""

    code = "idempotency_key_invalid"


class KeyReused(RuleBroken):
    """This Idempotency-Key was sent with another request; use a new key for a new request."""

    code = "idempotency_conflict"


class AnswerGone(RuleBroken):
    """This request was done, but its answer can no longer be read; read the record instead."""

    code = "idempotency_answer_gone"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request under a key of its caller."""

    person: User
    key: UUID
    digest: str


def keyed(request: Request, person: User) -> Keyed | None:
    """Return the request's key with a digest of what is asked, None where it has no key.

    Raises: MalformedKey.
    """
    stated = request.META.get(_META)
    if stated is None or request.method != "POST":
        return None
    try:
        key = UUID(stated.strip())
    except ValueError:
        raise MalformedKey(errors=(FieldError("", "invalid", HEADER),)) from None
    return Keyed(person, key, _digest(request))


def answered(call: Keyed, request: Request) -> Response | None:
    """Return what was answered under this key, None where the request is new.

    Waits while the same key is at work. Must run in the transaction that will keep the answer.
    Locks: the key. Raises: KeyReused, AnswerGone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"idempotency {call.person.pk} {call.key}"],
        )
    found = StoredAnswer.objects.filter(person=call.person, key=call.key).first()
    if found is None:
        return None
    told = _open(found)
    if told["digest"] != call.digest:
        raise KeyReused()
    headers = {**told["headers"], REPLAYED: "true"}
    is_refusal = told["status"] >= HTTPStatus.BAD_REQUEST
    return Response(
        told["body"],
        status=told["status"],
        headers=headers,
        content_type=problem_type(request) if is_refusal else None,
    )


def keep(call: Keyed, response: Response, at: datetime) -> None:
    """Keep an answer for those who repeat the request."""
    told = {
        "digest": call.digest,
        "status": response.status_code,
        "headers": {name: response[name] for name in _TOLD_AGAIN if name in response},
        "body": response.data,
    }
    pk = uuid7(at)
    StoredAnswer.objects.create(
        pk=pk,
        created_at=at,
        person=call.person,
        key=call.key,
        answer=_ring().seal(JSONRenderer().render(told), _place(pk)),
    )


def forget(at: datetime) -> int:
    """Delete the answers that are older than IDEMPOTENCY_LIFETIME; return how many."""
    old = StoredAnswer.objects.filter(created_at__lt=at - settings.IDEMPOTENCY_LIFETIME)
    return old.delete()[0]


def _digest(request: Request) -> str:
    """Digest what is asked: method, address and body, equal for JSON that parses equal."""
    asked = [request.method, request.get_full_path(), request.data]
    text = json.dumps(asked, sort_keys=True, default=_exactly, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _exactly(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    raise TypeError(type(value).__name__)


def _open(found: StoredAnswer) -> Mapping[str, Any]:
    try:
        clear = _ring().open(bytes(found.answer), _place(found.pk))
    except KeyMissing:
        raise AnswerGone() from None
    told: Mapping[str, Any] = json.loads(clear, parse_float=Decimal)
    return told


def _place(row: UUID) -> Place:
    return Place(StoredAnswer._meta.db_table, "answer", row)


def _ring() -> KeyRing:
    return _derived(str(settings.SECRET_KEY))


@lru_cache(maxsize=4)
def _derived(secret: str) -> KeyRing:
    """Return the ring of one key, named by a fingerprint, so that another secret is told apart."""
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"portal stored answers").derive(
        secret.encode()
    )
    return KeyRing({hashlib.sha256(key).hexdigest()[:16]: key})
