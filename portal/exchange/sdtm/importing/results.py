"""LB and QS: results as reported, with the standard values that the file itself states."""

from uuid import UUID

from patients.models import LabResult, QuestionnaireResult
from patients.rules.units import ucum
from patients.vocabulary import LaboratoryKind, YesNoUnknown
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study, bounded
from portal.exchange.sdtm.rules.results import range_indicator
from portal.exchange.sdtm.values.numbers import read_decimal, read_number
from portal.exchange.sdtm.values.vocabulary import NOT_DONE, YES_NO

_DECIDABLE = ("LOW", "NORMAL", "HIGH")


class LabResults:
    """Turn the rows of LB into laboratory results."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.table = study.writer.table(
            LabResult,
            *ORIGIN,
            "visit_id",
            "accession",
            "category",
            "test_code",
            "test",
            "loinc",
            "specimen",
            "method",
            "fasting",
            "collected",
            "original_value",
            "comparator",
            "original_unit",
            "value",
            "unit",
            "reference_low",
            "reference_high",
            "reference_indicator",
            "not_done_reason",
            laboratory=LaboratoryKind.UNKNOWN.value,
        )

    def take(self, line: Line) -> None:
        """Write one result; the canonical value is the file's standard one, never computed here."""
        given = line.text("LBORRES")
        standard = read_number(line.row.get("LBSTRESC")) or read_number(line.row.get("LBSTRESN"))
        number = standard or read_number(given)
        comparator = number.comparator if number else ""
        value = bounded(standard.value if standard else None, digits=24, places=9)
        key = self.table.add(
            *line.origin,
            line.visit(),
            line.text("LBREFID"),
            line.text("LBCAT"),
            line.text("LBTESTCD"),
            line.text("LBTEST"),
            line.text("LBLOINC"),
            line.text("LBSPEC"),
            line.text("LBMETHOD"),
            line.coded("LBFAST", YES_NO, blank=YesNoUnknown.UNKNOWN.value),
            line.date("LBDTC"),
            given,
            comparator,
            line.text("LBORRESU"),
            value,
            ucum(line.text("LBSTRESU")) if value is not None else "",
            line.text("LBORNRLO") or line.text("LBSTNRLO"),
            line.text("LBORNRHI") or line.text("LBSTNRHI"),
            line.text("LBNRIND"),
            _not_done(line, "LB"),
        )
        self.study.remember(line, "lab_result", key)
        if line.text("LBORRESU") != line.text("LBSTRESU"):
            self.study.counts["laboratory results converted"] += 1
        if comparator:
            self.study.counts["laboratory results beyond a limit of measurement"] += 1
        self._check_indicator(line, key, given)

    def _check_indicator(self, line: Line, key: UUID, given: str) -> None:
        stated, value = line.text("LBNRIND").upper(), read_decimal(given)
        if stated not in _DECIDABLE or value is None:
            return
        low, high = (read_decimal(line.row.get(name)) for name in ("LBORNRLO", "LBORNRHI"))
        computed = range_indicator(value, low, high)
        if computed and computed != stated:
            line.report(
                "range_indicator_differs",
                resource="lab_result",
                record_id=key,
                variable="LBNRIND",
                test=line.text("LBTESTCD"),
                value=given,
                stated=stated,
                computed=computed,
                low=low,
                high=high,
            )


class Questionnaires:
    """Turn the rows of QS into questionnaire results."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.table = study.writer.table(
            QuestionnaireResult,
            *ORIGIN,
            "visit_id",
            "questionnaire",
            "subcategory",
            "item_code",
            "item",
            "result_text",
            "result_number",
            "unit",
            "not_done_reason",
            "answered",
        )

    def take(self, line: Line) -> None:
        """Write one answered item."""
        key = self.table.add(
            *line.origin,
            line.visit(),
            line.text("QSCAT"),
            line.text("QSSCAT"),
            line.text("QSTESTCD"),
            line.text("QSTEST"),
            line.text("QSORRES"),
            line.decimal("QSSTRESN", digits=18, places=6),
            line.text("QSORRESU"),
            _not_done(line, "QS"),
            line.date("QSDTC"),
        )
        self.study.remember(line, "questionnaire_result", key)


def _not_done(line: Line, domain: str) -> str:
    if line.text(f"{domain}ORRES"):
        return ""
    if line.text(f"{domain}STAT") != NOT_DONE:
        return line.text(f"{domain}REASND")
    return line.text(f"{domain}REASND") or "not done"
