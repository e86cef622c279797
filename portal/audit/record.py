"""Record an act that changes no row. Changes of rows need nothing: the database records them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from portal.audit.models import AuditEntry
from portal.core.history import Actor, circumstances


class Action(StrEnum):
    """What somebody did."""

    VIEWED = "viewed"
    SEARCHED = "searched"
    EXPORTED = "exported"
    DOWNLOADED = "downloaded"
    PRINTED = "printed"
    SENT = "sent"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    TOKEN_REUSED = "token_reused"  # noqa: S105
    DEVICE_TOKEN_ISSUED = "device_token_issued"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    REFUSED = "refused"
    UNBLINDED = "unblinded"
    ACCESS_REVIEWED = "access_reviewed"
    AUDIT_REVIEWED = "audit_reviewed"
    VERIFIED = "verified"
    ERASED = "erased"
    KEYS_ROTATED = "keys_rotated"
    RESTORED = "restored"
    CONFIGURED = "configured"
    DELIVERY_RETRIED = "delivery_retried"
    DELIVERY_SKIPPED = "delivery_skipped"
    DELIVERY_BURIED = "delivery_buried"


def record(
    action: Action,
    *,
    by: Actor | UUID | None,
    at: datetime,
    resource: str = "",
    record_id: UUID | None = None,
    trial_id: UUID | None = None,
    site_id: UUID | None = None,
    patient_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one audit entry in the caller's transaction, which takes it back if it fails.

    A refusal is therefore recorded after its request was rolled back, not inside it. `by` is None
    where nobody is known: a refused sign-in. Role, organization, source and request come from the
    circumstances; the time from the database, not from `at`. `detail` holds codes, ids, counts.
    Source: 21 CFR 11.10(e), ICH E6(R3) 4.2.2(a)(iii), FDA 2024 Q11.
    """
    del at  # part of every service's signature; the entry's time is the database's
    edge = circumstances.get()
    return AuditEntry.objects.create(
        action=action,
        acted_by=by if by is None or isinstance(by, UUID) else by.pk,
        acted_role=edge.role,
        acted_organization=edge.organization,
        acted_source=edge.source,
        acted_request_id=edge.request_id,
        resource=resource,
        record_id=record_id,
        trial_id=trial_id,
        site_id=site_id,
        patient_id=patient_id,
        detail=dict(detail or {}),
    )
