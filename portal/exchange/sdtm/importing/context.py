"""What the parts of one import share: the trial, its people and visits, the writer, the counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from portal.core.partial_dates import PartialDateTime
from portal.exchange.sdtm.importing.findings import Findings, Where
from portal.exchange.sdtm.importing.writer import Ready, Writer
from portal.exchange.sdtm.reading.dataset import Dataset, Row
from portal.exchange.sdtm.reading.define_xml import Define
from portal.exchange.sdtm.rules.visits import PlannedVisit
from portal.exchange.sdtm.values.dates import read_date
from portal.exchange.sdtm.values.numbers import read_decimal, text_of
from portal.exchange.sdtm.values.vocabulary import Coded, coded


@dataclass(slots=True)
class Person:
    """A patient as the other datasets need to know them."""

    id: UUID
    site_id: UUID
    usubjid: str
    reference_start: str = ""
    first_dose: PartialDateTime | None = None
    death: PartialDateTime | None = None
    is_dead: bool = False
    participation_ended: PartialDateTime | None = None
    fatal_events: int = 0
    dispositions: list[tuple[str, str]] = field(default_factory=list)
    is_exposed: bool = False
    arm_code: str = ""
    place: tuple[Ready, Ready] = (Ready(), Ready())

    def __post_init__(self) -> None:
        self.place = (Ready(self.id), Ready(self.site_id))


@dataclass(slots=True)
class Study:
    """One import under way."""

    trial_id: UUID
    import_user_id: UUID
    at: datetime
    is_blinded: bool
    writer: Writer
    findings: Findings
    define: Define | None
    people: dict[str, Person] = field(default_factory=dict)
    visits: dict[tuple[str, Decimal], UUID] = field(default_factory=dict)
    plan: dict[Decimal, PlannedVisit] = field(default_factory=dict)
    records: dict[str, dict[tuple[str, str], tuple[str, UUID]]] = field(default_factory=dict)
    deaths: dict[str, UUID] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def remember_death(self, person: Person, record_id: UUID) -> None:
        """Keep where a death is recorded, so that a finding about it has an address."""
        self.deaths[person.usubjid] = record_id

    def where_of_death(self, person: Person) -> Where:
        """Return the record of a subject's death, or the subject."""
        death = self.deaths.get(person.usubjid)
        return Where("death" if death else "patient", death or person.id, "DM", 0)

    def remember(self, line: "Line", resource: str, record_id: UUID) -> None:
        """Keep the key of a record, for what refers to it later."""
        known = self.records.setdefault(line.dataset.domain, {})
        key = (line.usubjid, line.sequence)
        if key in known and line.sequence:
            line.report("duplicate_key", variable=line.sequence_variable, value=line.sequence)
        known.setdefault(key, (resource, record_id))


@dataclass(slots=True)
class Line:
    """One row of a dataset on its way in. `source_id` is the source record that keeps it."""

    study: Study
    dataset: Dataset
    number: int
    row: Row
    source_id: UUID
    person: Person | None
    usubjid: str
    sequence_variable: str
    sequence: str
    source_is_protected: bool = False

    def text(self, variable: str) -> str:
        """Return a variable as text, blank for missing."""
        value = self.row.get(variable)
        return value.strip() if value.__class__ is str else text_of(value)

    def decimal(self, variable: str, *, digits: int, places: int) -> Decimal | None:
        """Return a variable as a number that fits the field, else None."""
        return bounded(read_decimal(self.row.get(variable)), digits=digits, places=places)

    def date(self, variable: str) -> PartialDateTime | None:
        """Return a date, or None when it is blank or cannot be read (which is reported once)."""
        return read_date(self.text(variable)).value

    def coded(self, variable: str, terms: Mapping[str, str], *, blank: str = "") -> str:
        """Return a code; a term that the codelist does not know is reported."""
        found: Coded = coded(terms, self.text(variable), blank=blank)
        if not found.is_listed:
            self.report("term_not_in_codelist", variable=variable, text=self.text(variable))
        return found.code

    def report(
        self,
        rule: str,
        *,
        resource: str = "source_record",
        record_id: UUID | None = None,
        variable: str = "",
        is_protected: bool = False,
        **parts: Any,
    ) -> None:
        """Report a finding about this row, or about the record that was made of it."""
        self.study.findings.report(
            rule,
            patient_id=self.person.id if self.person else None,
            where=Where(
                resource,
                record_id or self.source_id,
                self.dataset.name,
                self.number,
                self.sequence,
            ),
            variable=variable,
            is_protected=is_protected or self.source_is_protected,
            parts=parts,
        )

    def visit(self) -> UUID | None:
        """Return the subject's visit that the row names, if there is one."""
        number = self.visit_number()
        return None if number is None else self.study.visits.get((self.usubjid, number))

    def visit_number(self) -> Decimal | None:
        """Return VISITNUM, which is decimal."""
        return self.decimal("VISITNUM", digits=8, places=3)

    @property
    def origin(self) -> tuple[Ready, Ready, Decimal | None, str, str, UUID | None]:
        """The columns that every clinical row takes from its source, in `ORIGIN`'s order."""
        assert self.person is not None
        return (
            *self.person.place,
            bounded(read_decimal(self.sequence), digits=12, places=3),
            self.text(f"{self.dataset.domain}SPID"),
            self.dataset.name[:8],
            None if self.source_is_protected else self.source_id,
        )


ORIGIN = (
    "patient_id",
    "site_id",
    "imported_sequence",
    "imported_sponsor_id",
    "imported_dataset",
    "source_record_id",
)


@lru_cache(maxsize=1 << 16)
def bounded(value: Decimal | None, *, digits: int, places: int) -> Decimal | None:
    """Return a number with at most `places` decimals; None when it has too many digits."""
    if value is None or not value.is_finite() or abs(value) >= Decimal(10) ** (digits - places):
        return None
    return round(value, places) if value.as_tuple().exponent < -places else value  # type: ignore[operator]
