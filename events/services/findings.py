"""Contradictions within adverse events become findings; they never refuse a report."""

from datetime import datetime

from events import rules
from events.models import AdverseEvent, AdverseEventVersion
from events.services.facts import FACTS
from events.vocabulary import Judgment, VersionKind
from patients.models import Death
from patients.services.findings import raise_finding, resolve_findings
from patients.vocabulary import FindingSeverity
from portal.accounts.models import User

RESOURCE = "adverse_event"
_OWNER = "principal_investigator"
_CHECKED = frozenset(
    {
        "seriousness_criterion_without_serious_flag",
        "serious_flag_without_criterion",
        "fatal_outcome_and_death_criterion_differ",
        "grade_5_without_fatal_outcome",
        "resolved_before_onset",
        "aware_before_onset",
        "dated_after_death",
        "judgment_without_physician",
        "amended_after_nullification",
    }
)


def look_for_contradictions(
    *, event: AdverseEvent, version: AdverseEventVersion, by: User, at: datetime, reason: str
) -> None:
    """Raise a finding for each contradiction of the event; resolve those that are gone."""
    facts = {name: getattr(event, name) for name in (*FACTS, "site_aware_at")}
    death = Death.objects.filter(patient=event.patient_id).first()
    found = list(rules.contradictions(facts, died=death.died if death else None))
    if version.judgment == Judgment.TRANSCRIBED and version.judged_by_id is None:
        message = "A medical judgment was entered without the physician who made it."
        found.append(rules.Contradiction("judgment_without_physician", "judgment", message))
    if event.is_nullified and version.kind != VersionKind.NULLIFICATION:
        message = "Information was added after the event was nullified."
        found.append(rules.Contradiction("amended_after_nullification", "is_nullified", message))
    for one in found:
        raise_finding(
            record=event,
            resource=RESOURCE,
            rule=one.rule,
            field=one.field,
            message=one.message,
            severity=FindingSeverity.SAFETY,
            owner_role=_OWNER,
            by=by,
            at=at,
            reason=reason,
        )
    gone = _CHECKED - {one.rule for one in found} - {"amended_after_nullification"}
    if version.judgment == Judgment.NONE:
        gone -= {"judgment_without_physician"}
    resolve_findings(record=event, resource=RESOURCE, rules=gone, by=by, at=at, reason=reason)
