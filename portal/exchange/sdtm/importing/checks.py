"""What is checked in every row of every dataset: dates, study days, and the visit that it names."""

from uuid import UUID

from portal.core.partial_dates import Answer, PartialDateTime
from portal.exchange.sdtm.importing.context import Line, Study
from portal.exchange.sdtm.reading.dataset import Dataset
from portal.exchange.sdtm.rules import events as rules
from portal.exchange.sdtm.rules.results import study_day_differs
from portal.exchange.sdtm.values.dates import read_date, study_day
from portal.exchange.sdtm.values.numbers import read_decimal

_WITHOUT_VISITS = frozenset({"SV", "TV", "DM"})


class RowChecks:
    """The checks of one dataset, chosen once from its variables."""

    def __init__(self, study: Study, dataset: Dataset) -> None:
        names = set(dataset.variable_names)
        self.study = study
        self.dates = [name for name in dataset.variable_names if name.endswith("DTC")]
        self.days = [
            (name, f"{name[:-2]}DTC")
            for name in dataset.variable_names
            if name.endswith("DY") and f"{name[:-2]}DTC" in names
        ]
        self.names_visit = (
            "VISITNUM" in names and dataset.domain not in _WITHOUT_VISITS and bool(study.visits)
        )
        self.domain = dataset.domain if "DOMAIN" in names else ""

    def check(self, line: Line) -> None:
        """Check one row."""
        counts = self.study.counts
        for name in self.dates:
            text = line.text(name)
            if not text:
                continue
            reading = read_date(text)
            if reading.problem is not None:
                line.report("date_unreadable", variable=name, text=text, problem=reading.problem)
            elif reading.value is not None:
                counts["dates"] += 1
                if reading.value.is_partial:
                    counts["partial dates"] += 1
        if line.person is None:
            return
        self._check_days(line)
        if self.names_visit:
            self._check_visit(line)
        stated = line.text("DOMAIN")
        if self.domain and stated and stated.upper() != self.domain:
            line.report("domain_differs_from_dataset", variable="DOMAIN", domain=stated)

    def _check_days(self, line: Line) -> None:
        person = line.person
        assert person is not None
        for name, date_name in self.days:
            stated = read_decimal(line.row.get(name))
            if stated is None:
                continue
            date, reference = line.date(date_name), read_date(person.reference_start).value
            if study_day_differs(int(stated), date, reference):
                line.report(
                    "study_day_differs",
                    variable=name,
                    stated=stated,
                    date=date,
                    computed=study_day(date, reference),
                )

    def _check_visit(self, line: Line) -> None:
        number = line.visit_number()
        if number is not None and (line.usubjid, number) not in self.study.visits:
            line.report(
                "record_at_visit_not_held",
                variable="VISITNUM",
                visit=line.text("VISIT") or number,
            )


def check_interval(
    line: Line,
    resource: str,
    key: UUID,
    start: PartialDateTime | None,
    end: PartialDateTime | None,
    *,
    is_protected: bool = False,
) -> None:
    """Report an end before the start, and a start after the row was recorded."""
    domain = line.dataset.domain
    if rules.ends_before_start(start, end) is Answer.YES:
        line.report(
            "end_before_start",
            resource=resource,
            record_id=key,
            variable=f"{domain}ENDTC",
            is_protected=is_protected,
            start=start,
            end=end,
        )
    collected = line.date(f"{domain}DTC")
    if rules.starts_after_collection(start, collected) is Answer.YES:
        line.report(
            "started_after_it_was_recorded",
            resource=resource,
            record_id=key,
            variable=f"{domain}STDTC",
            is_protected=is_protected,
            start=start,
            collected=collected,
        )
