"""A small world: two sponsors, three trials, two sites each, two patients a site, their data."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from events.models import AdverseEvent
from patients.models import (
    Alert,
    ClinicalFlag,
    DataFinding,
    DispositionEvent,
    Exposure,
    MonitoringPlan,
    Patient,
    PatientSite,
    ProtectedFinding,
    RiskRule,
    RiskRuleVersion,
    Visit,
    VitalSign,
)
from patients.services.caregivers import assign_caregiver
from patients.vocabulary import Relation
from portal.access.roles import ROLES, Level
from portal.access.unblinded import unblinded
from portal.accounts.models import SessionKind, User, UserKind
from portal.accounts.services import tokens
from portal.accounts.services.sessions import Client, open_session
from portal.accounts.services.tokens import TokenType
from portal.api.audit import id_of
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from trials.models import (
    Arm,
    Institution,
    ProtocolVersion,
    Site,
    Sponsor,
    Trial,
    VisitPlan,
)
from trials.services.access import sync_access
from trials.services.assignments import assign_role

JUMP = {"code": "weight", "limit": 10, "within_minutes": 1440, "acknowledge_within_minutes": 30}
BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass
class World:
    """What was made, by name."""

    sponsors: list[Sponsor] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    patients: list[Patient] = field(default_factory=list)
    arms: list[Arm] = field(default_factory=list)
    plans: list[VisitPlan] = field(default_factory=list)
    vitals: list[VitalSign] = field(default_factory=list)
    adverse_events: list[AdverseEvent] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    dispositions: list[DispositionEvent] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    risk_rules: list[RiskRule] = field(default_factory=list)
    rule_versions: list[RiskRuleVersion] = field(default_factory=list)
    monitoring_plans: list[MonitoringPlan] = field(default_factory=list)
    flags: list[ClinicalFlag] = field(default_factory=list)
    findings: list[DataFinding] = field(default_factory=list)
    protected_findings: list[ProtectedFinding] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)
    people: dict[str, User] = field(default_factory=dict)


def make_world() -> World:
    """Make everything but the people."""
    world = World()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for number, sponsor in enumerate(("Northwind", "Southwind")):
            world.sponsors.append(Sponsor.objects.create(name=sponsor))
            for index in range(2 - number):
                _add_trial(world, world.sponsors[-1], f"T{number}{index}")
    return world


def _add_trial(world: World, sponsor: Sponsor, number: str) -> None:
    trial = Trial.objects.create(sponsor=sponsor, number=number, title=number, blinding="double")
    version = ProtocolVersion.objects.create(trial=trial, number="1")
    arm = Arm.objects.create(
        trial=trial, protocol_version=version, oid="ARM.A", code="A", name="Arm A", ordinal=1
    )
    plan = VisitPlan.objects.create(
        trial=trial, protocol_version=version, oid="V1", visit_number=1, name="Baseline"
    )
    world.trials.append(trial)
    rule = RiskRule.objects.create(trial=trial, code="world", name="World", kind="jump")
    world.risk_rules.append(rule)
    world.rule_versions.append(
        RiskRuleVersion.objects.create(trial=trial, rule=rule, number=1, parameters=JUMP)
    )
    world.arms.append(arm)
    world.plans.append(plan)
    for index in range(2):
        institution = Institution.objects.create(name=f"Hospital {number}{index}", country="FRA")
        site = Site.objects.create(
            trial=trial, institution=institution, code=f"{number}-{index}", country="FRA"
        )
        world.sites.append(site)
        world.monitoring_plans.append(MonitoringPlan.objects.create(site=site))
        for place in range(2):
            add_patient(world, site, f"{site.code}-{place}")


def add_patient(world: World, site: Site, number: str) -> Patient:
    """Make a patient with one row of each kind."""
    patient = Patient.objects.create(
        trial_id=site.trial_id, site=site, usubjid=f"S-{number}", subject_number=number, age=61
    )
    PatientSite.objects.create(patient=patient, site=site, from_at=BEGAN)
    world.patients.append(patient)
    day = PartialDateTime("2026-02-03T08:30:00+01:00", "Europe/Paris")
    world.visits.append(Visit.objects.create(patient=patient, name="Baseline", started=day))
    world.dispositions.append(
        DispositionEvent.objects.create(patient=patient, term="RANDOMIZED", occurred=day)
    )
    Exposure.objects.create(patient=patient, started=day, planned_dose="2 patches")
    world.vitals.append(make_vital(patient))
    world.adverse_events.append(make_adverse_event(patient))
    world.alerts.append(make_alert(patient))
    world.flags.append(make_flag(patient))
    place = {"trial_id": site.trial_id, "site_id": site.pk, "patient_id": patient.pk}
    seen = record(Action.VIEWED, by=SYSTEM_ACCOUNT, at=BEGAN, resource="patient", **place)
    world.entries.append(SimpleNamespace(pk=id_of(seen.pk), **place))
    about = {"trial_id": patient.trial_id, "patient": patient}
    world.findings.append(
        _placed(
            DataFinding.objects.create(
                **about, rule="VS-01", severity="minor", owner_role="data_manager", message="Jump."
            )
        )
    )
    with unblinded():
        protected = ProtectedFinding.objects.create(
            **about,
            rule="DM-09",
            severity="major",
            owner_role="unblinded_monitor",
            message="Planned ARM-ZQX7, actual ARM-ZQX8.",
        )
        world.protected_findings.append(_placed(protected))
    return patient


def make_vital(patient: Patient, **changes: Any) -> VitalSign:
    """Make a reading."""
    values: dict[str, Any] = {
        "code": "temperature",
        "value": "37.5",
        "unit": "Cel",
        "original_value": "99.5",
        "original_unit": "[degF]",
        "measured": PartialDateTime("2026-02-03"),
        "received_at": BEGAN,
    }
    return _placed(VitalSign.objects.create(patient=patient, **values | changes))


def make_alert(patient: Patient) -> Alert:
    """Make an alert of the trial's rule, which is a draft and evaluates nothing."""
    version = RiskRuleVersion.objects.select_related("rule").get(
        trial_id=patient.trial_id, rule__code="world", number=1
    )
    rule = version.rule
    return _placed(
        Alert.objects.create(
            patient=patient,
            rule=rule,
            rule_version=version,
            kind=rule.kind,
            observed_at=BEGAN,
            raised_at=BEGAN,
            last_fired_at=BEGAN,
            due_at=BEGAN,
        )
    )


def make_flag(patient: Patient) -> ClinicalFlag:
    """Make a flag that was in force for a day."""
    flag = ClinicalFlag.objects.create(
        patient=patient,
        kind="pacemaker",
        author_id=SYSTEM_ACCOUNT,
        from_at=BEGAN,
        to_at=BEGAN + timedelta(days=1),
    )
    return _placed(flag)


def make_adverse_event(patient: Patient, **changes: Any) -> AdverseEvent:
    """Make an adverse event."""
    values: dict[str, Any] = {"number": 1, "term": "HEADACHE", "onset": PartialDateTime("2026-02")}
    return _placed(AdverseEvent.objects.create(patient=patient, **values | changes))


def _placed(record: Any) -> Any:
    """Read where the database has placed the record."""
    record.refresh_from_db(fields=["trial", "site"])
    return record


def make_person(
    world: World, name: str, role: str | None = None, where: Any = None, **changes: Any
) -> User:
    """Make a person who holds `role` at `where`: a sponsor, trial, site or patient, or everywhere.

    A device holds nothing: its token opens the intake alone.
    """
    is_patient = isinstance(where, Patient) and role != "caregiver"
    kind = UserKind.PATIENT if is_patient else UserKind.PERSON
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        person = User.objects.create(username=name, password="!", kind=kind, **changes)
        world.people[name] = person
        if role == "patient":
            Patient.objects.filter(pk=where.pk).update(account=person)
            sync_access(at=clock.now(), people=[person.pk])
        elif role == "caregiver":
            by = User.objects.get(pk=SYSTEM_ACCOUNT)
            assign_caregiver(
                patient=where,
                person=person,
                relation=Relation.CHILD,
                by=by,
                at=clock.now(),
                reason="test",
            )
        elif role is not None and Level.PATIENT not in ROLES[role].levels:
            by = User.objects.get(pk=SYSTEM_ACCOUNT)
            assign_role(person=person, role=role, where=where, from_at=BEGAN, by=by, at=clock.now())
    person.refresh_from_db()
    return person


def anchor_for(world: World, role: str) -> Any:
    """Return where the matrix lets a role stand: as low as the role can be assigned."""
    levels = ROLES[role].levels
    if Level.SITE in levels:
        return world.sites[0]
    if Level.PATIENT in levels:
        return world.patients[0]
    return world.trials[0] if Level.TRIAL in levels else _high(world, levels)


def _high(world: World, levels: frozenset[Level]) -> Any:
    return world.sponsors[0] if Level.SPONSOR in levels else None


def access_token(person: User, *, lifetime: timedelta = timedelta(minutes=10), ago: int = 0) -> str:
    """Return an access token of a new session; `ago` seconds since it was issued."""
    at = clock.now()
    with acting(by=person, reason="test"):
        session = open_session(user=person, kind=SessionKind.WEB, client=Client(), at=at)
    issued = at - timedelta(seconds=ago)
    return tokens.make(
        TokenType.ACCESS,
        user=person.pk,
        session=session.pk,
        issued_at=issued,
        expires_at=issued + lifetime,
    )


def bearer(person: User, **token: Any) -> dict[str, str]:
    """Return the headers of a signed-in request."""
    return {"authorization": f"Bearer {access_token(person, **token)}"}
