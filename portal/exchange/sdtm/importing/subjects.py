"""DM and DS: the people, their sites, arms, deaths and dispositions, and what follows from them."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from patients.models import (
    Allocation,
    Death,
    DispositionEvent,
    Patient,
    PatientSite,
    ScreeningAttempt,
)
from patients.rules.derived import Facts, standing_of
from patients.vocabulary import Participation, ScreeningResult
from portal.core.ids import uuid7
from portal.core.partial_dates import PartialDateTime
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Person, Study, bounded
from portal.exchange.sdtm.importing.design import Design
from portal.exchange.sdtm.reading.dataset import Row
from portal.exchange.sdtm.rules import events as rules
from portal.exchange.sdtm.values.dates import read_date
from portal.exchange.sdtm.values.numbers import read_decimal, text_of
from portal.exchange.sdtm.values.vocabulary import (
    AGE_UNITS,
    SEXES,
    coded,
    is_no_arm,
    participation_after,
)
from trials.models import Institution, Site
from trials.vocabulary import SiteStatus

UNKNOWN_SITE = "unknown"
_END_OF_STUDY = "DISPOSITION EVENT"


def meet(study: Study, rows: list[Row], *, trial_number: str, zone: str | None) -> None:
    """Make the sites and get to know every subject of DM, before any row is written."""
    sites = _write_sites(study, rows, trial_number=trial_number, zone=zone)
    for row in rows:
        usubjid = text_of(row.get("USUBJID"))
        if usubjid in study.people:
            continue
        study.people[usubjid] = Person(
            id=uuid7(),
            site_id=sites[text_of(row.get("SITEID")) or UNKNOWN_SITE],
            usubjid=usubjid,
            reference_start=text_of(row.get("RFSTDTC")),
            first_dose=_date(row, "RFXSTDTC") or _date(row, "RFSTDTC"),
            death=_date(row, "DTHDTC"),
            is_dead=text_of(row.get("DTHFL")) == "Y" or bool(text_of(row.get("DTHDTC"))),
            participation_ended=_date(row, "RFPENDTC"),
            arm_code=text_of(row.get("ARMCD")),
        )


def learn_outcomes(study: Study, domain: str, rows: Iterable[Row]) -> None:
    """Read ahead what a patient's state is derived from: the rows of DS and of EX."""
    for row in rows:
        person = study.people.get(text_of(row.get("USUBJID")))
        if person is None:
            continue
        if domain == "EX":
            person.is_exposed = True
        else:
            category = text_of(row.get("DSCAT")).upper()
            person.dispositions.append((category, text_of(row.get("DSDECOD")).upper()))


def facts_of(person: Person) -> Facts:
    """Return what the patient's standing is derived from; the last disposition event counts."""
    terms = (
        term for category, term in reversed(person.dispositions) if category in ("", _END_OF_STUDY)
    )
    last = next(terms, None)
    has_arm = bool(person.arm_code) and not is_no_arm(person.arm_code)
    return Facts(
        entered=Participation.RANDOMIZED if person.is_exposed or has_arm else None,
        ended=None if last is None else Participation(participation_after(last)),
        is_exposed=person.is_exposed,
        is_dead=person.is_dead,
    )


class PatientTables:
    """The tables that every other one refers to; made before those of the source records."""

    def __init__(self, study: Study) -> None:
        self.patients = study.writer.table(
            Patient,
            "site_id",
            "usubjid",
            "subject_number",
            "participation",
            "treatment",
            "vital_status",
            "sex",
            "age",
            "age_unit",
            "races",
            "ethnicity",
            "country",
            "source_record_id",
            trial_id=study.trial_id,
        )
        self.stays = study.writer.table(PatientSite, "patient_id", "site_id")


class Subjects:
    """Turn the rows of DM into patients."""

    def __init__(self, study: Study, design: Design, tables: PatientTables) -> None:
        self.study, self.design = study, design
        self.numbers: set[str] = set()
        self.written: set[UUID] = set()
        self.patients, self.stays = tables.patients, tables.stays
        writer = study.writer
        self.attempts = writer.table(ScreeningAttempt, *ORIGIN, "result")
        self.deaths = writer.table(Death, *ORIGIN, "died", "stated_by")
        self.allocations = writer.table(
            Allocation,
            *ORIGIN,
            "planned_arm_id",
            "actual_arm_id",
            "planned_code",
            "actual_code",
        )

    def take(self, line: Line) -> None:
        """Write one subject."""
        person = line.person
        assert person is not None
        if person.id in self.written:
            line.report("duplicate_key", variable="USUBJID", value=person.usubjid)
            return
        self.written.add(person.id)
        standing = standing_of(facts_of(person))
        self.patients.add(
            person.site_id,
            person.usubjid,
            self._number(line, person),
            standing.participation.value,
            standing.treatment.value,
            standing.vital_status.value,
            line.coded("SEX", SEXES),
            bounded(read_decimal(line.row.get("AGE")), digits=7, places=2),
            coded(AGE_UNITS, line.text("AGEU"), blank="years").code,
            [race for race in [line.text("RACE")] if race],
            line.text("ETHNIC"),
            line.text("COUNTRY")[:3],
            line.source_id,
            key=person.id,
        )
        self.stays.add(person.id, person.site_id)
        self.attempts.add(*line.origin, _screening_result(person, standing.participation).value)
        self._death(line, person)
        self._arms(line)
        if not line.text("RFICDTC"):
            self.study.counts["subjects without a consent date"] += 1

    def _number(self, line: Line, person: Person) -> str:
        """SUBJID is unique in most studies, not in all: sites may count for themselves."""
        number = line.text("SUBJID") or person.usubjid
        if number in self.numbers:
            number = person.usubjid
        self.numbers.add(number)
        return number

    def _death(self, line: Line, person: Person) -> None:
        if person.is_dead:
            key = self.deaths.add(*line.origin, person.death, "SDTM DM")
            self.study.remember_death(person, key)

    def _arms(self, line: Line) -> None:
        planned, actual = line.text("ARMCD"), line.text("ACTARMCD")
        if not planned or is_no_arm(planned):
            return
        key = self.allocations.add(
            *line.origin,
            self.design.arms.get(planned),
            self.design.arms.get(actual),
            planned,
            actual,
        )
        if rules.arms_differ(planned, actual):
            line.report(
                "planned_arm_differs_from_actual",
                resource="allocation",
                record_id=key,
                variable="ACTARMCD",
                planned=planned,
                actual=actual,
            )


class Dispositions:
    """Turn the rows of DS into disposition events."""

    def __init__(self, study: Study, design: Design) -> None:
        self.study, self.design = study, design
        self.table = study.writer.table(
            DispositionEvent,
            *ORIGIN,
            "category",
            "subcategory",
            "epoch_id",
            "epoch_name",
            "term",
            "verbatim",
            "occurred",
        )

    def take(self, line: Line) -> None:
        """Write one disposition event."""
        epoch = line.text("EPOCH")
        key = self.table.add(
            *line.origin,
            line.text("DSCAT"),
            line.text("DSSCAT"),
            self.design.epochs.get(epoch.upper()),
            epoch,
            line.text("DSDECOD") or line.text("DSTERM"),
            line.text("DSTERM"),
            line.date("DSSTDTC"),
        )
        self.study.remember(line, "disposition_event", key)


def check_deaths(study: Study) -> None:
    """Hold each death against the adverse events, once all of them are known."""
    if "AE" not in study.records:
        return
    for person in study.people.values():
        if person.is_dead == bool(person.fatal_events):
            continue
        rule = "death_without_fatal_event" if person.is_dead else "fatal_event_without_death"
        study.findings.report(rule, patient_id=person.id, where=study.where_of_death(person))


def _write_sites(
    study: Study, rows: list[Row], *, trial_number: str, zone: str | None
) -> dict[str, UUID]:
    countries: dict[str, str] = defaultdict(str)
    for row in rows:
        countries[text_of(row.get("SITEID")) or UNKNOWN_SITE] = text_of(row.get("COUNTRY"))[:3]
    institutions = study.writer.table(Institution, "name", "country")
    sites = study.writer.table(
        Site,
        "institution_id",
        "code",
        "country",
        trial_id=study.trial_id,
        time_zone=zone,
        status=SiteStatus.CLOSED.value,
        closed_at=study.at,
    )
    return {
        code: sites.add(institutions.add(f"{trial_number} {code}", country), code, country)
        for code, country in sorted(countries.items())
    }


def _screening_result(person: Person, participation: Participation) -> ScreeningResult:
    if participation is Participation.SCREEN_FAILED:
        return ScreeningResult.FAILED
    passed = person.is_exposed or (person.arm_code and not is_no_arm(person.arm_code))
    return ScreeningResult.PASSED if passed else ScreeningResult.PENDING


def _date(row: Row, variable: str) -> PartialDateTime | None:
    return read_date(text_of(row.get(variable))).value
