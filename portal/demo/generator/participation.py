"""Screening, consent, allocation, disposition: how a patient comes into a trial and leaves it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.demo.generator import records as r
from portal.demo.generator.people import Fate, Person, Story
from portal.demo.generator.setup import SiteSetup
from portal.demo.generator.times import full, in_month, local_day, on

_FAILURES = (
    ("I02", "Blood pressure below the limit"),
    ("E01", "Kidney function too low"),
    ("E04", "Medication that is not allowed"),
    ("I05", "Cannot come to all visits"),
)
_ENDS = {
    Fate.DISCONTINUED: ("adverse_event", "Stopped because of an adverse event"),
    Fate.WITHDREW: ("withdrawal_by_subject", "Does not want to go on"),
    Fate.LOST: ("lost_to_follow_up", "Three calls and a letter without an answer"),
    Fate.DIED: ("death", "Died"),
}
_OTHER_REASONS = (
    ("physician_decision", "Investigator's decision"),
    ("lack_of_efficacy", "Not enough effect"),
    ("protocol_deviation", "Took a medication that is not allowed"),
)


@dataclass(slots=True)
class Maker:
    """What every maker of a patient's rows needs; rows after the demo's end are not made."""

    person: Person
    site: SiteSetup

    def base(self, at: datetime, *key: object) -> dict[str, Any]:
        """Return the columns that every row of a patient has."""
        person = self.person
        return {
            "id": person.times.key(at, person.subject_number, *key),
            "created_at": at,
            "patient_id": person.id,
            "site_id": self.site.site.id,
        }

    def is_over(self, at: datetime) -> bool:
        """Whether an instant lies after the end of the demo."""
        return at >= self.person.times.cutoff

    def entered(self, at: datetime, mean_days: float = 1.2) -> datetime:
        """Return when the site typed in what happened at `at`: mostly soon, sometimes late."""
        draws = self.person.draws
        lag = draws.waiting(mean_days) + (draws.uniform(8, 24) if draws.chance(0.04) else 0.02)
        latest = self.person.times.cutoff - timedelta(minutes=draws.integer(5, 400))
        return max(at, min(at + timedelta(days=lag), latest))


def participation(make: Maker) -> list[r.Row]:
    """Return the patient and the facts of their participation."""
    person, site = make.person, make.site
    screened = person.screened_at
    version = site.trial.versions[0]
    rows: list[r.Row] = [
        r.Patient(
            id=person.id,
            created_at=screened,
            trial_id=site.trial.trial.id,
            site_id=site.site.id,
            subject_number=person.subject_number,
            usubjid=f"{site.trial.trial.number}-{person.subject_number}",
            protocol_version_id=version.id,
        ),
        r.PatientSite(**make.base(screened, "stay"), starts_at=screened, ends_at=None),
        _demographics(make),
        *_consents(make),
        *_screenings(make),
        *_allocation(make),
        *_dispositions(make),
    ]
    if person.draws.chance(0.03):
        at = make.entered(screened)
        flag: dict[str, Any] = {
            "kind": "pacemaker",
            "starts": in_month(person.on(-900)),
            "ends": None,
        }
        rows.append(r.ClinicalFlag(**make.base(at, "flag"), **flag))
    return rows


def _demographics(make: Maker) -> r.Demographics:
    person = make.person
    draws, site = person.draws, make.site.design
    shares_year = site.country not in {"FRA", "JPN"}
    asked_race = site.country != "FRA"
    missing = {} if asked_race else {"race": "not_allowed", "ethnicity": "not_allowed"}
    if not shares_year:
        missing["birth_year"] = "not_allowed"
    return r.Demographics(
        **make.base(make.entered(person.screened_at), "demographics"),
        sex=person.sex,
        age=person.age,
        age_unit="a",
        birth_year=person.screened_at.year - person.age if shares_year else None,
        race=(site.race,) if asked_race else (),
        ethnicity=(
            draws.pick(("hispanic_or_latino", "not_hispanic_or_latino"), (1, 4))
            if asked_race
            else None
        ),
        country=site.country,
        missing=missing,
    )


def _consents(make: Maker) -> list[r.Row]:
    """Consent at screening; again at the first visit after an amendment; one withdrawal."""
    person, documents = make.person, make.site.documents
    signed = person.screened_at - timedelta(minutes=25)
    in_force = [d for d in documents if d.effective_on <= local_day(signed, person.zone)]
    document = in_force[-1] if in_force else documents[0]
    consent = _consent(make, document, signed, 1)
    rows: list[r.Row] = [consent]
    versions = {d.id: d.protocol_version_id for d in documents}
    periods = [(versions[document.id], signed)]
    again = _signed_again(person, documents[-1])
    if document is not documents[-1] and again and not make.is_over(again):
        rows.append(_consent(make, documents[-1], again, 2))
        periods.append((versions[documents[-1].id], again))
    rows += _periods(make, periods)
    if person.fate is Fate.WITHDREW:
        at = person.at(person.last_day, 15.5)
        if not make.is_over(at):
            withdrawal = r.ConsentWithdrawal(
                **make.base(at, "withdrawal"),
                consent_id=consent.id,
                purposes=("main", "biobank", "genetics", "future_use", "contact"),
                withdrawn_at=at,
                kept="Data up to the withdrawal are kept; samples are destroyed.",
            )
            rows.append(withdrawal)
    return rows


def _signed_again(person: Person, document: r.ConsentDocument) -> datetime | None:
    """Return when a patient in treatment meets the new form: at a visit some days later."""
    day = (document.effective_on - person.day_one).days + 1 + person.draws.integer(2, 12)
    if not person.is_treated or day <= 1 or day > person.last_day:
        return None
    return person.at(day, 10.25)


def _consent(make: Maker, document: r.ConsentDocument, signed: datetime, number: int) -> r.Consent:
    draws, person = make.person.draws, make.person
    return r.Consent(
        **make.base(make.entered(signed, 0.2), "consent", number),
        document_id=document.id,
        choices={
            "main": True,
            "biobank": draws.chance(0.8),
            "genetics": draws.chance(0.62),
            "future_use": draws.chance(0.75),
            "contact": draws.chance(0.7),
        },
        signed_at=signed,
        signed=full(signed, person.zone),
        signer="representative" if draws.chance(0.02) else "participant",
        copy_given=True,
    )


def _periods(make: Maker, periods: list[tuple[UUID, datetime]]) -> list[r.Row]:
    ends = [starts for _, starts in periods[1:]] + [None]
    return [
        r.PatientProtocolVersion(
            **make.base(starts, "version", number),
            protocol_version_id=version,
            starts_at=starts,
            ends_at=end,
        )
        for number, ((version, starts), end) in enumerate(zip(periods, ends, strict=True))
    ]


def _screenings(make: Maker) -> list[r.Row]:
    person, draws = make.person, make.person.draws
    rows: list[r.Row] = []
    started = person.screened_at
    if person.story is Story.RESCREENED:
        failed = {"result": "failed", "criteria_failed": ("I02",)}
        first = started - timedelta(days=30)
        ended = first + timedelta(days=6)
        rows.append(_screening(make, 1, first, ended, failed))
    result: dict[str, Any] = {"result": "pending", "criteria_failed": ()}
    ended = person.at(0, 15) if person.fate is Fate.SCREEN_FAILURE else person.at(1, 8.25)
    if person.fate is Fate.SCREEN_FAILURE and not make.is_over(ended):
        result = {"result": "failed", "criteria_failed": (draws.pick(_FAILURES)[0],)}
    elif person.is_treated:
        result = {"result": "passed", "criteria_failed": ()}
    rows.append(_screening(make, len(rows) + 1, started, ended, result))
    return rows


def _screening(
    make: Maker, number: int, started: datetime, ended: datetime, result: dict[str, Any]
) -> r.ScreeningAttempt:
    zone = make.person.zone
    known = result["result"] != "pending"
    at = make.entered(max(ended if known else started, make.person.screened_at), 0.4)
    return r.ScreeningAttempt(
        **make.base(at, "screening", number),
        number=number,
        started=full(started, zone),
        ended=full(ended, zone) if known else None,
        **result,
    )


def _allocation(make: Maker) -> list[r.Row]:
    person, trial = make.person, make.site.trial
    if not person.is_treated:
        return []
    at = person.at(1, 8.75)
    return [
        r.Allocation(
            **make.base(at, "allocation"),
            arm_id=trial.arms[person.arm].id,
            product_id=trial.products[person.arm].id,
        )
    ]


def _dispositions(make: Maker) -> list[r.Row]:
    """Milestones and ends, as SDTM's DS has them; the end of follow-up only where reached."""
    person, zone = make.person, make.person.zone
    consented = full(person.screened_at - timedelta(minutes=25), zone)
    facts = [
        (
            "Screening",
            "protocol_milestone",
            "informed_consent_obtained",
            "",
            consented,
            person.screened_at,
        )
    ]
    if person.is_treated:
        at = person.at(1, 8.75)
        term = "randomized" if len(person.trial.arms) > 1 else "enrolled"
        facts.append(("Screening", "protocol_milestone", term, "", full(at, zone), at))
        facts += _endings(make)
    elif person.fate is Fate.SCREEN_FAILURE:
        at = person.at(0, 15)
        facts.append(
            (
                "Screening",
                "disposition_event",
                "screen_failure",
                person.draws.pick(_FAILURES)[1],
                on(local_day(at, zone), zone),
                at,
            )
        )
    return [
        r.Disposition(
            **make.base(make.entered(at, 0.6), "disposition", number),
            epoch=epoch,
            category=category,
            term=term,
            verbatim=verbatim,
            occurred=occurred,
        )
        for number, (epoch, category, term, verbatim, occurred, at) in enumerate(facts)
        if not make.is_over(at)
    ] + _death(make)


def _endings(make: Maker) -> list[Any]:
    person, zone = make.person, make.person.zone
    last = person.at(person.last_day, 16)
    occurred = on(person.on(person.last_day), zone)
    if person.fate is Fate.TREATED:
        term, verbatim = "completed", "Completed"
    elif person.fate is Fate.DISCONTINUED and person.story is None:
        term, verbatim = person.draws.pick((_ENDS[person.fate], *_OTHER_REASONS))
    else:
        term, verbatim = _ENDS[person.fate]
    found = [("Treatment", "disposition_event", term, verbatim, occurred, last)]
    if person.fate in (Fate.TREATED, Fate.DISCONTINUED):
        end = person.at(person.follow_up_ends, 14)
        found.append(
            (
                "Follow-up",
                "disposition_event",
                "completed",
                "Completed",
                on(person.on(person.follow_up_ends), zone),
                end,
            )
        )
    return found


def _death(make: Maker) -> list[r.Row]:
    person = make.person
    at = person.at(person.last_day, 19.5)
    if person.fate is not Fate.DIED or not person.is_treated or make.is_over(at):
        return []
    died = on(person.on(person.last_day), person.zone)
    return [
        r.Death(**make.base(make.entered(at, 0.3), "death"), died=died, source="Spouse, by phone")
    ]
