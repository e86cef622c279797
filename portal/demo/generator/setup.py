"""The rows that stand before the first patient: sponsors, trials, plans, sites, documents."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal.demo.generator import design
from portal.demo.generator import records as r
from portal.demo.generator.catalog import COMMON, SERIOUS
from portal.demo.generator.design import SiteDesign, TrialDesign
from portal.demo.generator.times import Times, instant

_BEFORE = 200  # days before the end at which the portal was set up
_EPOCHS = ("Screening", "Treatment", "Follow-up")
_PURPOSES = (
    ("main", "Taking part in the trial", True),
    ("biobank", "Keeping samples", False),
    ("genetics", "Genetic research", False),
    ("future_use", "Future research", False),
    ("contact", "Being contacted again", False),
)
_APPROVALS = ("ethics", "authority", "contract")


@dataclass(slots=True)
class TrialSetup:
    """A trial as set up, for the makers of patients' rows."""

    design: TrialDesign
    trial: r.Trial
    versions: list[r.ProtocolVersion]
    arms: list[r.Arm]
    products: list[r.Product]
    information: list[r.ReferenceSafetyInformation]
    plans: dict[str, r.VisitPlan]
    instrument: r.Instrument


@dataclass(slots=True)
class SiteSetup:
    """A site as set up, with its consent forms by version."""

    design: SiteDesign
    site: r.Site
    trial: TrialSetup
    documents: list[r.ConsentDocument]


@dataclass(slots=True)
class Setup:
    """All of it; `rows` in the order in which it can be written."""

    instrument: r.Instrument
    trials: dict[str, TrialSetup] = field(default_factory=dict)
    sites: list[SiteSetup] = field(default_factory=list)
    rows: list[r.Row] = field(default_factory=list)


def set_up(times: Times) -> Setup:
    """Return the set-up of the whole demo."""
    at = times.days_ago(_BEFORE)
    made = Setup(_instrument(times, at))
    sponsors = [
        r.Sponsor(id=times.key(at, "sponsor", n), created_at=at, number=n + 1, name=name)
        for n, name in enumerate(design.SPONSORS)
    ]
    made.rows += [*sponsors, made.instrument]
    for trial in design.TRIALS:
        made.trials[trial.key] = _trial(made, times, trial, sponsors[trial.sponsor].id)
    for site in design.SITES:
        made.sites.append(_site(made, times, site, made.trials[site.trial]))
    return made


def _instrument(times: Times, at: datetime) -> r.Instrument:
    return r.Instrument(
        id=times.key(at, "instrument"),
        created_at=at,
        code="daily-diary",
        version="1.0",
        title="Daily diary",
        definition=design.diary_definition(),
    )


def _trial(made: Setup, times: Times, of: TrialDesign, sponsor_id: UUID) -> TrialSetup:
    at = times.days_ago(_BEFORE - 2)
    trial = r.Trial(
        id=times.key(at, "trial", of.number),
        created_at=at,
        sponsor_id=sponsor_id,
        number=of.number,
        title=of.title,
        phase=of.phase,
        status="active",
        blinding=of.blinding,
        safety_zone=of.safety_zone,
        registry_ids={"Example registry": f"EXR-{of.number[-3:]}-0001"},
    )
    versions = [_version(times, trial, "1.0", "original", _BEFORE - 5)]
    if of.amended_days_ago:
        versions.append(_version(times, trial, "2.0", "substantial", of.amended_days_ago))
    base: dict[str, Any] = {"created_at": at, "trial_id": trial.id}
    planned: dict[str, Any] = {**base, "protocol_version_id": versions[0].id}
    arms = [
        r.Arm(id=times.key(at, "arm", of.number, code), code=code, name=name, kind=kind, **planned)
        for code, name, kind, _product, _dose in of.arms
    ]
    products = _products(times, of, base)
    information = [_information(times, trial, product) for product in products]
    plans = {plan.oid: _plan(times, of, plan, planned) for plan in of.plan}
    made.rows += [trial, *versions, *_epochs(times, of, planned), *arms, *products, *information]
    made.rows += [*plans.values(), *_schedules(times, of, made.instrument, planned)]
    return TrialSetup(of, trial, versions, arms, products, information, plans, made.instrument)


def _epochs(times: Times, of: TrialDesign, planned: dict[str, Any]) -> list[r.Epoch]:
    at = planned["created_at"]
    return [
        r.Epoch(
            id=times.key(at, "epoch", of.number, n), oid=f"E.{n}", name=name, position=n, **planned
        )
        for n, name in enumerate(_EPOCHS, 1)
    ]


def _products(times: Times, of: TrialDesign, base: dict[str, Any]) -> list[r.Product]:
    at = base["created_at"]
    return [
        r.Product(
            id=times.key(at, "product", of.number, name),
            code=code,
            name=name,
            kind=kind,
            dose_mg=Decimal(dose),
            **base,
        )
        for code, _name, kind, name, dose in of.arms
    ]


def _schedules(
    times: Times, of: TrialDesign, instrument: r.Instrument, planned: dict[str, Any]
) -> list[r.InstrumentSchedule]:
    """Return a schedule for each interval that the trial's sites use."""
    at = planned["created_at"]
    return [
        r.InstrumentSchedule(
            id=times.key(at, "schedule", of.number, days),
            instrument_id=instrument.id,
            oid=f"S.DIARY.{days}",
            opens_local=design.DIARY_OPENS,
            closes_local=design.DIARY_CLOSES,
            every_days=days,
            first_day=1,
            last_day=56,
            **planned,
        )
        for days in sorted({s.diary_every_days for s in design.SITES if s.trial == of.key})
    ]


def _version(
    times: Times, trial: r.Trial, number: str, kind: str, days_ago: int
) -> r.ProtocolVersion:
    at = times.days_ago(days_ago)
    return r.ProtocolVersion(
        id=times.key(at, "version", trial.number, number),
        created_at=at,
        trial_id=trial.id,
        number=number,
        amendment_kind=kind,
        effective_on=at.date(),
    )


def _information(times: Times, trial: r.Trial, product: r.Product) -> r.ReferenceSafetyInformation:
    at = times.days_ago(_BEFORE - 6)
    return r.ReferenceSafetyInformation(
        id=times.key(at, "rsi", trial.number, product.name),
        created_at=at,
        product_id=product.id,
        version="1",
        country="",
        effective_from=at.date(),
        expected_terms=tuple(sorted(k.coded_term for k in (*COMMON, *SERIOUS) if k.expected)),
    )


def _plan(
    times: Times, of: TrialDesign, plan: design.Planned, planned: dict[str, Any]
) -> r.VisitPlan:
    at = times.days_ago(_BEFORE - 2)
    kind = "follow_up" if plan.oid == "V.FU" else "screening" if plan.number == "1" else "treatment"
    return r.VisitPlan(
        id=times.key(at, "plan", of.number, plan.oid),
        oid=plan.oid,
        number=Decimal(plan.number),
        name=plan.name,
        kind=kind,
        contact=plan.contact,
        anchor=plan.anchor,
        day=plan.day,
        days_before=plan.before,
        days_after=plan.after,
        **planned,
    )


def _site(made: Setup, times: Times, of: SiteDesign, trial: TrialSetup) -> SiteSetup:
    at = times.days_ago(_BEFORE - 8)
    institution = r.Institution(
        id=times.key(at, "institution", of.number),
        created_at=at,
        name=of.institution,
        city=of.city,
        country=of.country,
        time_zone=of.zone,
    )
    opened = times.as_of - timedelta(days=of.begin_days_ago[0] + 20)
    site = r.Site(
        id=times.key(at, "site", of.number),
        created_at=at,
        trial_id=trial.trial.id,
        institution_id=institution.id,
        number=of.number,
        code=f"{of.number:02d}",
        country=of.country,
        time_zone=of.zone,
        status="active",
        activated_on=opened,
    )
    made.rows += [institution, site]
    documents = []
    for version in trial.versions:
        effective = max(version.effective_on, opened)
        made.rows += _approvals(times, site, version, effective)
        documents.append(_document(times, of, site, version, effective))
    made.rows += documents
    for document in documents:
        made.rows += _purposes(times, document)
    return SiteSetup(of, site, trial, documents)


def _approvals(
    times: Times, site: r.Site, version: r.ProtocolVersion, effective: date
) -> list[r.SiteApproval]:
    first = version.number == "1.0"
    at = instant(effective - timedelta(days=2), 10, site.time_zone)
    return [
        r.SiteApproval(
            id=times.key(at, "approval", site.code, version.number, kind),
            created_at=at,
            site_id=site.id,
            protocol_version_id=version.id,
            kind=kind,
            approved_on=effective - timedelta(days=5 if kind == "ethics" else 3),
            effective_on=effective,
            expires_on=effective + timedelta(days=365) if kind == "ethics" else None,
            reference=f"{kind[:3].upper()}-{site.code}-{version.number}",
        )
        for kind in (_APPROVALS if first else ("ethics", "authority"))
    ]


def _document(
    times: Times, of: SiteDesign, site: r.Site, version: r.ProtocolVersion, effective: date
) -> r.ConsentDocument:
    at: datetime = instant(effective - timedelta(days=1), 11, site.time_zone)
    return r.ConsentDocument(
        id=times.key(at, "document", site.code, version.number),
        created_at=at,
        trial_id=site.trial_id,
        site_id=site.id,
        protocol_version_id=version.id,
        version=version.number,
        language=of.language,
        approved_on=effective - timedelta(days=5),
        effective_on=effective,
    )


def _purposes(times: Times, document: r.ConsentDocument) -> list[r.ConsentPurpose]:
    at = document.created_at
    return [
        r.ConsentPurpose(
            id=times.key(at, "purpose", document.id, code),
            created_at=at,
            trial_id=document.trial_id,
            document_id=document.id,
            code=code,
            name=name,
            required=required,
        )
        for code, name, required in _PURPOSES
    ]
