"""Adverse events: reported whatever the state of the trial, amended, never removed."""

from datetime import datetime
from typing import Any

from django.db.models import Max

from events import rules
from events.models import (
    AdverseEvent,
    AdverseEventVersion,
    CausalityAssessment,
    SeriousnessFact,
    SeverityPeriod,
)
from events.services.escalations import escalate_serious
from events.services.facts import Statement, kept
from events.services.findings import look_for_contradictions
from events.services.judgments import Judged, judged
from events.vocabulary import Assessor, Judgment, SeverityScale, VersionKind
from patients.models import Patient
from patients.selectors import capture_site, protocol_version_at
from patients.vocabulary import EntrySource, YesNoUnknown
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput
from portal.core.history import acting
from portal.outbox.kinds import Kind, Lane
from portal.outbox.publish import publish
from trials.models import Trial


class ReceiptMissing(InvalidInput):
    """Say when the new information was received."""

    code = "information_received_at_required"


class NullificationStatesNothing(InvalidInput):
    """A nullification explains and states no facts."""

    code = "nullification_states_nothing"


def report_adverse_event(
    *,
    patient: Patient,
    statement: Statement,
    site_aware_at: datetime | None = None,
    information_received_at: datetime | None = None,
    judged_by: User | None = None,
    by: User,
    at: datetime,
    reason: str = "",
) -> AdverseEvent:
    """Record an adverse event, whatever the state of consent, participation, transfer or lock.

    Source: ICH E2A; domain.md 1 (what is odd becomes a finding, no safety report is refused).
    Locks: the patient's row, then the trial's, which gives the number.
    Raises: TermMissing, AwarenessInFuture, AwarenessMissing, NotAPhysician, PhysicianRequired.
    Emits: Kind.ADVERSE_EVENT_REPORTED, ordered per patient.
    """
    with acting(by=by, at=at, reason=reason or "reported"):
        patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        rules.check_term(statement.facts.get("term", ""))
        rules.check_awareness(
            at=at, site_aware_at=site_aware_at, information_received_at=information_received_at
        )
        rules.check_serious_awareness(
            is_serious=rules.is_serious(statement.facts), site_aware_at=site_aware_at
        )
        whose = judged(statement, patient=patient, named=judged_by, by=by)
        event = AdverseEvent.objects.create(
            **_origin(patient, by, at),
            **statement.facts,
            number=_next_number(patient),
            judgment=whose.judgment,
            site_aware_at=site_aware_at,
        )
        version = _add_version(
            event,
            statement,
            whose,
            kind=VersionKind.INITIAL,
            site_aware_at=site_aware_at,
            information_received_at=information_received_at,
            by=by,
            at=at,
            reason=reason,
        )
        return _settle(event, version, Kind.ADVERSE_EVENT_REPORTED, by=by, at=at)


def add_follow_up(
    *,
    adverse_event: AdverseEvent,
    kind: VersionKind,
    statement: Statement | None = None,
    information_received_at: datetime | None = None,
    site_aware_at: datetime | None = None,
    judged_by: User | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> AdverseEvent:
    """Add what became known later, correct what was written, or nullify with an explanation.

    Versions may arrive in any order: the first awareness stays the earliest of all, and older
    information replaces no newer. Locks: the event's row, then the patient's.
    Raises: ReceiptMissing, NullificationStatesNothing, AwarenessInFuture, AwarenessMissing,
    TermMissing, NotAPhysician, PhysicianRequired.
    Emits: Kind.ADVERSE_EVENT_AMENDED, ordered per patient.
    """
    statement = statement or Statement()
    with acting(by=by, at=at, reason=reason):
        event = AdverseEvent.objects.select_for_update().get(pk=adverse_event.pk)
        patient = Patient.objects.select_for_update(no_key=True).get(pk=event.patient_id)
        _check_amendment(kind, statement, information_received_at)
        rules.check_awareness(
            at=at, site_aware_at=site_aware_at, information_received_at=information_received_at
        )
        whose = judged(statement, patient=patient, named=judged_by, by=by)
        earlier = list(AdverseEventVersion.objects.filter(adverse_event=event).order_by("ordinal"))
        _apply(event, kind, statement, information_received_at or at, earlier)
        aware = [event.site_aware_at, site_aware_at, *(v.site_aware_at for v in earlier)]
        event.site_aware_at = rules.first_awareness(aware)
        rules.check_serious_awareness(
            is_serious=rules.is_serious(event.criteria), site_aware_at=event.site_aware_at
        )
        if whose.judgment:
            event.judgment = whose.judgment
        event.save()
        version = _add_version(
            event,
            statement,
            whose,
            kind=kind,
            site_aware_at=site_aware_at,
            information_received_at=information_received_at,
            by=by,
            at=at,
            reason=reason,
        )
        return _settle(event, version, Kind.ADVERSE_EVENT_AMENDED, by=by, at=at)


def _origin(patient: Patient, by: User, at: datetime) -> dict[str, Any]:
    return {
        "patient": patient,
        "site_id": capture_site(patient, by, Permission.ADVERSE_EVENT_REPORT),
        "protocol_version_id": protocol_version_at(patient, at),
        "entry_source": EntrySource.FORM,
        "entered_at": at,
        "created_at": at,
    }


def _next_number(patient: Patient) -> int:
    """Return the trial's next number: the lock on the trial leaves no gap and no two alike."""
    Trial.objects.select_for_update(no_key=True).get(pk=patient.trial_id)
    used = AdverseEvent.objects.filter(trial=patient.trial_id).aggregate(highest=Max("number"))
    return int(used["highest"] or 0) + 1


def _check_amendment(kind: VersionKind, statement: Statement, received: datetime | None) -> None:
    if kind == VersionKind.FOLLOW_UP and received is None:
        part = FieldError(
            "/information_received_at", ReceiptMissing.code, "information_received_at"
        )
        raise ReceiptMissing(errors=(part,))
    if kind == VersionKind.NULLIFICATION and (statement.facts or statement.met):
        raise NullificationStatesNothing()
    if "term" in statement.facts:
        rules.check_term(statement.facts["term"])


def _apply(
    event: AdverseEvent,
    kind: VersionKind,
    statement: Statement,
    received: datetime,
    earlier: list[AdverseEventVersion],
) -> None:
    """Let the facts stand that no later information has replaced."""
    others = [(_received(version), version.stated) for version in earlier]
    for name, value in rules.standing(statement.facts, received, others).items():
        setattr(event, name, value)
    event.is_nullified = event.is_nullified or kind == VersionKind.NULLIFICATION


def _received(version: AdverseEventVersion) -> datetime:
    """Return when a version's information came; what an initial report knew came with awareness."""
    aware = version.site_aware_at if version.kind == VersionKind.INITIAL else None
    return version.information_received_at or aware or version.entered_at or version.created_at


def _add_version(
    event: AdverseEvent,
    statement: Statement,
    whose: Judged,
    *,
    kind: VersionKind,
    site_aware_at: datetime | None,
    information_received_at: datetime | None,
    by: User,
    at: datetime,
    reason: str,
) -> AdverseEventVersion:
    origin = {**_origin(event.patient, by, at), "adverse_event": event}
    _add_details(origin, statement, whose, kind=kind, by=by, at=at)
    highest = AdverseEventVersion.objects.filter(adverse_event=event).aggregate(Max("ordinal"))
    return AdverseEventVersion.objects.create(
        **origin,
        kind=kind,
        ordinal=(highest["ordinal__max"] or 0) + 1,
        information_received_at=information_received_at,
        site_aware_at=site_aware_at,
        site_aware_stated_by=by if site_aware_at else None,
        reported_by=by,
        judgment=whose.judgment,
        judged_by=whose.judged_by,
        stated=kept(statement.facts),
        reason=reason,
    )


def _add_details(
    origin: dict[str, Any],
    statement: Statement,
    whose: Judged,
    *,
    kind: VersionKind,
    by: User,
    at: datetime,
) -> None:
    """Add what a version states of criteria, severity and causality; nothing is replaced."""
    facts = statement.facts
    for met in statement.met:
        SeriousnessFact.objects.create(
            **origin,
            criterion=met.criterion,
            answer=facts.get(met.criterion, YesNoUnknown.YES),
            met_on=met.met_on,
            known_at=met.known_at,
        )
    if facts.get("severity") or facts.get("severity_grade"):
        SeverityPeriod.objects.create(
            **origin,
            started=facts.get("onset") if kind == VersionKind.INITIAL else None,
            scale=facts.get("severity_scale") or SeverityScale.CTCAE,
            severity=facts.get("severity") or "",
            grade=facts.get("severity_grade"),
        )
    if facts.get("causality"):
        CausalityAssessment.objects.create(
            **origin,
            assessor=Assessor.INVESTIGATOR,
            scale="as reported",
            value=facts["causality"],
            is_related=statement.is_related,
            assessed_by=whose.judged_by or by,
            assessed_at=at if whose.judgment == Judgment.BY_PHYSICIAN else None,
            judgment=whose.judgment,
        )


def _settle(
    event: AdverseEvent, version: AdverseEventVersion, kind: Kind, *, by: User, at: datetime
) -> AdverseEvent:
    """Look for contradictions and tell the portal; returns the event as it now stands."""
    event.refresh_from_db()
    escalate_serious(event, at=at)
    look_for_contradictions(event=event, version=version, by=by, at=at, reason="checked")
    publish(
        kind,
        resource="adverse_event",
        record_id=event.pk,
        ordering_key=event.patient_id,
        trial_id=event.trial_id,
        site_id=event.site_id,
        payload={"kind": version.kind, "version": event.version, "ordinal": version.ordinal},
        lane=Lane.SAFETY if event.is_serious else Lane.ORDINARY,
    )
    return event
