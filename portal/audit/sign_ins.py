"""Write down what accounts tell of: sign-ins, refusals, sessions that end, passwords changed."""

from portal.accounts.services.acts import Told, keeper
from portal.audit.models import AuditEntry
from portal.audit.record import Action, record


@keeper
def keep(told: Told) -> AuditEntry:
    """Write one audit entry for an act. Source: ICH E6(R3) 4.2.2(a)(i), FDA 2024 Q11."""
    return record(
        Action(told.act.value),
        by=told.by,
        at=told.at,
        resource=told.resource,
        record_id=told.record_id,
        patient_id=told.patient_id,
        detail=told.detail,
    )
