"""Findings about one record: raised while their rule holds, resolved when it does so no more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from patients.models import ClinicalRecord, DataFinding, DataPoint
from patients.vocabulary import FindingSeverity, FindingState
from portal.accounts.models import User
from portal.core.history import acting


def raise_finding(
    *,
    record: ClinicalRecord,
    resource: str,
    rule: str,
    field: str,
    message: str,
    severity: FindingSeverity,
    owner_role: str,
    facts: Mapping[str, Any] | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> DataFinding:
    """Say where somebody must act; a rule has one open finding for a value. Locks: that one."""
    with acting(by=by, at=at, reason=reason):
        of = {"rule": rule, "resource": resource, "record_id": record.pk}
        found = open_findings(resource, record).filter(rule=rule).select_for_update().first()
        if found is not None:
            if found.message != message:
                found.message = message
                found.save()
            return found
        point, _made = DataPoint.objects.get_or_create(
            record_type=resource,
            record_id=record.pk,
            field=field,
            defaults={
                "trial_id": record.trial_id,
                "site_id": record.site_id,
                "patient_id": record.patient_id,
                "created_at": at,
            },
        )
        return DataFinding.objects.create(
            **of,
            trial_id=record.trial_id,
            site_id=record.site_id,
            patient_id=record.patient_id,
            severity=severity,
            owner_role=owner_role,
            message=message,
            facts=dict(facts or {}),
            data_point=point,
            created_at=at,
        )


def resolve_findings(
    *,
    record: ClinicalRecord,
    resource: str,
    rules: frozenset[str],
    by: User,
    at: datetime,
    reason: str,
) -> int:
    """Close the open findings of those `rules`, which hold no more. Locks: those rows."""
    with acting(by=by, at=at, reason=reason):
        ended = open_findings(resource, record).filter(rule__in=rules).select_for_update()
        for finding in ended:
            finding.state = FindingState.RESOLVED
            finding.resolved_at, finding.resolved_by = at, by
            finding.save()
        return len(ended)


def open_findings(resource: str, record: ClinicalRecord) -> Any:
    """Return the findings about a record that somebody must still act on."""
    return DataFinding.objects.filter(
        resource=resource, record_id=record.pk, state=FindingState.OPEN
    ).order_by("id")
