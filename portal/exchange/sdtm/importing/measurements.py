"""VS: vital signs as given and canonical, and what in them somebody must look at."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from patients.models import VitalSign
from patients.rules.vital_codes import COMPARATORS, Canonical, NotAMeasurement, convert
from patients.rules.vital_table import VITAL_CODES
from portal.core.partial_dates import PartialDateTime
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study, bounded
from portal.exchange.sdtm.rules import results
from portal.exchange.sdtm.values.numbers import read_decimal, read_number
from portal.exchange.sdtm.values.vocabulary import NOT_DONE, POSITIONS, VITAL_SIGNS


class VitalSigns:
    """Turn the rows of VS into vital signs."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.table = study.writer.table(
            VitalSign,
            *ORIGIN,
            "visit_id",
            "reading_id",
            "code",
            "original_value",
            "original_unit",
            "comparator",
            "value",
            "unit",
            "conversion_factor",
            "measured",
            "panel",
            "position",
            "body_site",
            "laterality",
            "method",
            "timepoint",
            "elapsed",
            "repeat",
            "not_done_reason",
            "flags",
            received_at=study.at,
        )
        self.readings: set[tuple[str, str]] = set()
        self.given_units: Counter[tuple[str, str]] = Counter()
        self.weights: dict[str, list[tuple[PartialDateTime, Decimal, Line, UUID]]] = {}
        self.cuffs: dict[tuple[str, str], dict[str, Decimal]] = {}

    def take(self, line: Line) -> None:
        """Write one reading; a test that the portal has no code for stays a source record."""
        code = VITAL_SIGNS.get(line.text("VSTESTCD").upper())
        if code is None:
            self.study.counts["vital signs without a code of the portal"] += 1
            return
        canonical, comparator = self._convert(line, code)
        value = bounded(canonical.value, digits=18, places=6) if canonical else None
        measured = line.date("VSDTC")
        panel = _panel(line, code)
        key = self.table.add(
            *line.origin,
            line.visit(),
            self._reading_id(line),
            code,
            line.text("VSORRES"),
            line.text("VSORRESU"),
            comparator,
            value,
            canonical.unit if canonical and value is not None else "",
            canonical.factor if canonical else "",
            measured,
            panel,
            line.coded("VSPOS", POSITIONS),
            line.text("VSLOC"),
            line.text("VSLAT"),
            line.text("VSMETHOD"),
            line.text("VSTPT"),
            line.text("VSELTM"),
            line.text("VSREPNUM"),
            _not_done(line),
            self._flags(line, code, canonical),
        )
        self.study.remember(line, "vital_sign", key)
        if value is not None:
            self._check(line, key, code, value, measured, panel)

    def _reading_id(self, line: Line) -> str | None:
        """A reading is known by its key in the file, as long as the file keeps keys apart."""
        key = (line.usubjid, line.sequence)
        if not line.sequence or key in self.readings:
            return None
        self.readings.add(key)
        return f"{line.dataset.domain}.{line.sequence}"

    def _convert(self, line: Line, code: str) -> tuple[Canonical | None, str]:
        given, unit = line.text("VSORRES"), line.text("VSORRESU")
        if not given:
            self.study.counts["vital signs not done"] += line.text("VSSTAT") == NOT_DONE
            return None, ""
        self.given_units[code, unit] += 1
        number = read_number(given)
        if number is None or number.comparator not in COMPARATORS:
            line.report("result_not_numeric", variable="VSORRES", code=code, value=given)
            return None, ""
        canonical = _canonical(code, number.value, unit, number.comparator)
        if canonical is None:
            line.report("unit_not_accepted", variable="VSORRESU", code=code, unit=unit or "no unit")
            return None, number.comparator
        if canonical.factor:
            self.study.counts["vital signs converted"] += 1
        self._compare(line, code, canonical)
        return canonical, number.comparator

    def _compare(self, line: Line, code: str, canonical: Canonical) -> None:
        stated = read_decimal(line.row.get("VSSTRESN"))
        again = None
        if stated is not None:
            again = _canonical(code, stated, line.text("VSSTRESU"))
        if again is None or canonical.value is None or again.value is None:
            return
        if results.standard_result_differs(canonical.value, again.value):
            line.report(
                "standard_result_differs",
                variable="VSSTRESN",
                code=code,
                given=line.text("VSORRES"),
                given_unit=line.text("VSORRESU"),
                expected=round(canonical.value, 3),
                unit=canonical.unit,
                stated=f"{stated} {line.text('VSSTRESU')}",
            )

    def _flags(self, line: Line, code: str, canonical: Canonical | None) -> list[str]:
        if canonical is None:
            return []
        if canonical.is_implausible:
            line.report(
                "outside_physical_limits",
                variable="VSORRES",
                code=code,
                value=line.text("VSORRES"),
                unit=line.text("VSORRESU"),
                low=VITAL_CODES[code].low,
                high=VITAL_CODES[code].high,
            )
        return list(canonical.flags)

    def _check(
        self,
        line: Line,
        key: UUID,
        code: str,
        value: Decimal,
        measured: PartialDateTime | None,
        panel: str,
    ) -> None:
        if code == "weight" and measured is not None:
            readings = self.weights.setdefault(line.usubjid, [])
            readings.append((measured, value, line, key))
        if panel:
            self._check_cuff(line, key, code, value, panel)

    def _check_cuff(self, line: Line, key: UUID, code: str, value: Decimal, panel: str) -> None:
        cuff = self.cuffs.setdefault((line.usubjid, panel), {})
        cuff.setdefault(code, value)
        if len(cuff) < 2:
            return
        systolic, diastolic = cuff["systolic_bp"], cuff["diastolic_bp"]
        if results.is_diastolic_not_below_systolic(systolic, diastolic):
            line.report(
                "diastolic_not_below_systolic",
                resource="vital_sign",
                record_id=key,
                variable="VSORRES",
                systolic=systolic,
                diastolic=diastolic,
            )

    def finish(self) -> None:
        """Compare each weight with the one before it by date; count what came in mixed units."""
        codes = Counter(code for code, _ in self.given_units)
        for (code, unit), count in self.given_units.items():
            if codes[code] > 1:
                self.study.counts[f"{code} given in {unit or 'no unit'}"] = count
        for readings in self.weights.values():
            readings.sort(key=lambda reading: reading[0].text)
            for before, after in pairwise(readings):
                if results.is_implausible_jump(before[1], after[1]):
                    after[2].report(
                        "implausible_jump",
                        resource="vital_sign",
                        record_id=after[3],
                        variable="VSORRES",
                        code="weight",
                        before=round(before[1], 1),
                        after=round(after[1], 1),
                        unit="kg",
                        before_on=before[0],
                        after_on=after[0],
                    )


def _panel(line: Line, code: str) -> str:
    """One cuff gives both pressures: the file's group, else one planned timepoint of one visit."""
    if code not in ("systolic_bp", "diastolic_bp"):
        return ""
    group = line.text("VSGRPID")
    if group or not line.text("VSTPTNUM"):
        return group
    return ".".join((line.text("VISITNUM"), line.text("VSDTC"), line.text("VSTPTNUM")))


def _canonical(code: str, value: Decimal, unit: str, comparator: str = "") -> Canonical | None:
    try:
        return convert(code, value, unit, comparator)
    except NotAMeasurement:
        return None


def _not_done(line: Line) -> str:
    if line.text("VSORRES"):
        return ""
    return line.text("VSREASND") or ("not done" if line.text("VSSTAT") == NOT_DONE else "")
