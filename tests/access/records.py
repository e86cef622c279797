"""A record of every kind whose id an address takes, so that each can be asked for by its own.

An address with the id of a kind that nothing here names is an error.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from patients.models import (
    Caregiver,
    ClinicalFlag,
    DiaryAssignment,
    EproReport,
    Identity,
    MonitoringPlan,
    ObservationSet,
    Patient,
    PatientIdentity,
    PatientShare,
    QuarantinedSubmission,
    ReportProcessing,
    RiskRule,
    RiskRuleVersion,
    Score,
    VitalsUpload,
)
from patients.services.personal_data import sealed_row
from portal.accounts.models import Session, User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from portal.documents.models import Report
from portal.documents.services.progress import tell as tell_progress
from portal.documents.vocabulary import Told
from portal.notices.channels.encryption import public_bytes
from portal.notices.kinds import NoticeKind
from portal.notices.models import Absence, Dispatch, Notice, PushSubscription
from portal.notices.services.push import Address, subscribe
from portal.notices.services.telling import About, tell
from portal.notices.vocabulary import DispatchState
from tests.access.world import BEGAN, World, access_token
from tests.patients.services.people import person as personal_data
from trials.models import Delegation, Instrument
from trials.vocabulary import DelegatedTask

DAY = timedelta(days=1)
Find = Callable[[World, User], Iterable[Any]]


def _of(model: Any, owner: str = "") -> Find:
    """Return what finds the oldest record of a model, or the oldest of the person's own."""

    def find(_world: World, person: User) -> Iterable[Any]:
        rows = model._base_manager.filter(**{owner: person} if owner else {})
        return rows.order_by("pk")[:1]

    return find


# What stands before the id in an address -> the record to ask for.
KINDS: Mapping[str, Find] = {
    "trials": lambda world, _: world.trials[:1],
    "sites": lambda world, _: world.sites[:1],
    "patients": lambda world, _: world.patients[:1],
    "vitals": lambda world, _: world.vitals[:1],
    "adverse-events": lambda world, _: world.adverse_events[:1],
    "alerts": lambda world, _: world.alerts[:1],
    "findings": lambda world, _: world.findings[:1],
    "audit-entries": lambda world, _: world.entries[:1],
    "risk-rules": _of(RiskRule),
    "risk-rule-versions": _of(RiskRuleVersion),
    "monitoring-plans": _of(MonitoringPlan),
    "clinical-flags": _of(ClinicalFlag),
    "epro-reports": _of(EproReport),
    "intake/epro-reports": _of(EproReport),
    "intake/vitals": _of(VitalsUpload),
    "caregivers": _of(Caregiver),
    "shares": _of(PatientShare),
    "delegations": _of(Delegation),
    "sessions": _of(Session),
    "auth/sessions": _of(Session, "user"),
    "notifications": _of(Notice, "person"),
    "absences": _of(Absence, "person"),
    "push-subscriptions": _of(PushSubscription, "person"),
    "reports": _of(Report, "requested_by"),
}


def kind_of(path: str) -> str:
    """Return what stands before the id in an address of the API."""
    return path.partition("/api/v1/")[2].partition("/{id}")[0]


def make_records(world: World, people: Mapping[str, User]) -> None:
    """Make what the small world lacks: for its first patient, and for each person their own."""
    patient = world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        _make_uploads(patient)
        _make_round(patient)
        _identify(patient)
        _make_duties(world, people)
        for person in people.values():
            _make_own(world, person)
    # Of letters only those are looked at that are made while somebody looks.
    Dispatch.objects.update(state=DispatchState.DROPPED)


def _make_uploads(patient: Patient) -> None:
    instrument = Instrument.objects.create(
        code="daily-diary", instrument_version="1.0", title="Diary", definition={"items": []}
    )
    due = DiaryAssignment.objects.create(
        patient=patient,
        instrument=instrument,
        local_day=BEGAN.date(),
        time_zone="UTC",
        opens_local="00:00",
        closes_local="23:59",
        opens_at=BEGAN - DAY,
        closes_at=BEGAN + DAY,
    )
    sent = {"raw": b"{}", "digest": hashlib.sha256(b"{}").digest(), "received_at": BEGAN}
    uploaded = {"patient": patient, "submission_id": uuid7(), "authored_at": BEGAN, **sent}
    place = {"patient": patient, "trial_id": patient.trial_id, "site_id": patient.site_id}
    report = EproReport.objects.create(
        instrument_code=instrument.code,
        instrument_version=instrument.instrument_version,
        instrument=instrument,
        assignment=due,
        trial_id=patient.trial_id,
        site_id=patient.site_id,
        **uploaded,
    )
    ReportProcessing.objects.create(report=report, status="failed", last_error="test", **place)
    VitalsUpload.objects.create(trial_id=patient.trial_id, site_id=patient.site_id, **uploaded)
    QuarantinedSubmission.objects.create(
        resource="epro_report",
        reason="refused",
        recorded_by_id=SYSTEM_ACCOUNT,
        recorded_through=uuid7(),
        **place,
        **sent,
    )


def _make_round(patient: Patient) -> None:
    """Make a round of observations with its score, where the plan has NEWS2 turned on."""
    MonitoringPlan.objects.filter(site=patient.site).update(setting="inpatient", news2_enabled=True)
    held = ObservationSet.objects.create(
        patient=patient,
        closed_at=BEGAN,
        closed_by_id=SYSTEM_ACCOUNT,
        taken_from=BEGAN,
        taken_until=BEGAN,
        eligibility="eligible",
        aggregate=3,
        band="low",
        algorithm="news2",
        algorithm_version="1",
    )
    Score.objects.create(
        patient=patient,
        observation_set=held,
        name="news2",
        value=3,
        algorithm="news2",
        algorithm_version="1",
        scored_at=BEGAN,
    )


def _identify(patient: Patient) -> None:
    pk = uuid7()
    columns, key = sealed_row(pk, personal_data(), BEGAN)
    institution = patient.site.institution_id
    identity = Identity.objects.create(id=pk, institution_id=institution, **columns)
    key.save(force_insert=True)
    PatientIdentity.objects.create(identity=identity, patient=patient)


def _make_duties(world: World, people: Mapping[str, User]) -> None:
    lead, site = people["principal_investigator"], world.sites[0]
    Delegation.objects.create(
        site=site,
        principal_investigator=lead,
        delegate=people["study_coordinator"],
        task=DelegatedTask.values[0],
        effective_from=BEGAN,
        recorded_at=BEGAN,
    )
    PatientShare.objects.create(
        patient=world.patients[0],
        person=people["doctor"],
        permissions=["patient:view"],
        from_at=BEGAN,
        to_at=BEGAN + DAY,
        granted_by=lead,
        reason="second opinion",
    )


def _make_own(world: World, person: User) -> None:
    access_token(person)
    session = Session.objects.filter(user=person).earliest("pk")
    point = public_bytes(ec.generate_private_key(ec.SECP256R1()))
    browser = Address(f"https://push.example/{person.pk}", point, bytes(16))
    subscribe(address=browser, session=session, by=person, at=BEGAN)
    Absence.objects.create(
        person=person, deputy_id=SYSTEM_ACCOUNT, from_at=BEGAN, to_at=BEGAN + DAY
    )
    report = Report.objects.create(kind="audit_export", requested_by=person)
    tell_progress(report, Told.STEP, at=BEGAN, percent=1, step="counting")
    for kind, about in notices_about(world, report):
        if kind in (NoticeKind.REPORT_READY, NoticeKind.ADVERSE_EVENT_FOLLOW_UP):
            tell(kind=kind, about=about, people=[person.pk], at=BEGAN)


def notices_about(world: World, report: Report) -> Iterable[tuple[NoticeKind, About]]:
    """Yield every kind of notice with a record that it may be about."""
    event = world.adverse_events[0]
    place = {"trial": event.trial_id, "site": event.site_id, "patient": event.patient_id}
    number = world.patients[0].subject_number
    for kind in NoticeKind:
        about = About(
            resource="adverse_event", record=event.pk, subject_number=number, number="1", **place
        )
        if kind is NoticeKind.REPORT_READY:
            about = About(resource="report", record=report.pk, number=report.kind)
        yield kind, about
