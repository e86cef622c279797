"""AE: adverse events with every date as partial as it is; what contradicts itself is reported."""

from typing import Any
from uuid import UUID

from events.models import (
    AdverseEvent,
    AdverseEventVersion,
    CausalityAssessment,
    EventProduct,
    SeriousnessFact,
    SeverityPeriod,
)
from events.vocabulary import (
    ActionTaken,
    Assessor,
    ProductRole,
    Seriousness,
    SeverityScale,
    VersionKind,
)
from patients.vocabulary import YesNoUnknown
from portal.core.partial_dates import Answer, PartialDateTime
from portal.exchange.sdtm.importing.checks import check_interval
from portal.exchange.sdtm.importing.coding import Codings, medical_levels
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study
from portal.exchange.sdtm.rules import events as rules
from portal.exchange.sdtm.values.numbers import read_decimal
from portal.exchange.sdtm.values.vocabulary import (
    ACTIONS,
    CAUSALITIES,
    IS_RELATED,
    OUTCOMES,
    SEVERITIES,
    YES_NO,
    criteria_given,
    seriousness_criteria,
)

NO_TERM = "(no term)"
_CRITERIA = tuple(Seriousness.values)
_EMERGENT = {Answer.YES: "no", Answer.NO: "yes", Answer.CANNOT_TELL: "cannot_tell"}


class AdverseEvents:
    """Turn the rows of AE into adverse events: one row, one event, linked by the sponsor's id."""

    def __init__(self, study: Study, codings: Codings) -> None:
        self.study, self.codings = study, codings
        self.numbers: dict[str, set[int]] = {}
        self.onsets: dict[tuple[str, str], tuple[PartialDateTime, Line, UUID]] = {}
        writer = study.writer
        self.table = writer.table(
            AdverseEvent,
            *ORIGIN,
            "number",
            "sponsor_id",
            "term",
            "coded_term",
            "system_organ_class",
            "onset",
            "resolved",
            "outcome",
            "severity_scale",
            "severity",
            "severity_grade",
            *_CRITERIA,
            "serious_as_reported",
            "causality",
            "treatment_emergent",
        )
        self.versions = writer.table(
            AdverseEventVersion,
            *ORIGIN,
            "adverse_event_id",
            "stated",
            kind=VersionKind.INITIAL.value,
            ordinal=1,
            reported_by_id=study.import_user_id,
        )
        self.facts = writer.table(
            SeriousnessFact, *ORIGIN, "adverse_event_id", "criterion", answer="yes"
        )
        self.periods = writer.table(
            SeverityPeriod,
            *ORIGIN,
            "adverse_event_id",
            "started",
            "ended",
            "scale",
            "severity",
            "grade",
        )
        self.products = writer.table(
            EventProduct,
            *ORIGIN,
            "adverse_event_id",
            "action_taken",
            role=ProductRole.SUSPECT.value,
        )
        self.causalities = writer.table(
            CausalityAssessment,
            *ORIGIN,
            "adverse_event_id",
            "event_product_id",
            "value",
            "is_related",
            assessor=Assessor.INVESTIGATOR.value,
            scale="as reported",
            assessed_by_id=study.import_user_id,
        )

    def take(self, line: Line) -> None:
        """Write one event with its parts."""
        person = line.person
        assert person is not None
        onset, resolved = line.date("AESTDTC"), line.date("AEENDTC")
        outcome = line.coded("AEOUT", OUTCOMES, blank="unknown")
        scale, severity, grade = self._severity(line)
        criteria = seriousness_criteria(line.row)
        causality = line.coded("AEREL", CAUSALITIES)
        before = rules.begins_before_first_dose(onset, person.first_dose)
        stated = {
            "term": line.text("AETERM") or line.text("AEDECOD") or NO_TERM,
            "onset": onset.stored if onset else None,
            "resolved": resolved.stored if resolved else None,
            "outcome": outcome,
            "severity": severity,
            "severity_grade": grade,
            "seriousness": criteria,
            "serious_as_reported": line.coded("AESER", YES_NO, blank="unknown"),
            "causality": causality,
        }
        key = self.table.add(
            *line.origin,
            self._number(line),
            line.text("AESPID"),
            stated["term"],
            line.text("AEDECOD"),
            line.text("AESOC") or line.text("AEBODSYS"),
            onset,
            resolved,
            outcome,
            scale,
            severity,
            grade,
            *(criteria[name] for name in _CRITERIA),
            stated["serious_as_reported"],
            causality,
            _EMERGENT[before] if person.is_exposed else "no",
        )
        self.versions.add(*line.origin, key, stated)
        for criterion, answer in criteria.items():
            if answer == YesNoUnknown.YES:
                self.facts.add(*line.origin, key, criterion)
        if scale:
            self.periods.add(*line.origin, key, onset, resolved, scale, severity, grade)
        self._judgment(line, key, causality)
        self.codings.take(
            line,
            ("adverse_event", key, "term"),
            medical_levels("AE"),
            variable="AEDECOD",
            dictionary="MedDRA",
        )
        self.study.remember(line, "adverse_event", key)
        if onset is not None:
            self.onsets.setdefault((line.usubjid, line.sequence), (onset, line, key))
        self._check(line, key, onset, resolved, outcome)

    def _number(self, line: Line) -> int:
        """The event's number in the patient is AESEQ, unless the file uses it twice."""
        taken = self.numbers.setdefault(line.usubjid, set())
        given = read_decimal(line.sequence)
        number = int(given) if given is not None and 0 < given < 2**31 else 0
        if number <= 0 or number in taken:
            number = max(taken, default=0) + 1
        taken.add(number)
        return number

    def _severity(self, line: Line) -> tuple[str, str, int | None]:
        severity = line.coded("AESEV", SEVERITIES)
        grade = read_decimal(line.row.get("AETOXGR"))
        if grade is not None and grade in (1, 2, 3, 4, 5):
            return SeverityScale.CTCAE.value, severity, int(grade)
        return (SeverityScale.MILD_MODERATE_SEVERE.value if severity else ""), severity, None

    def _judgment(self, line: Line, key: UUID, causality: str) -> None:
        """The study treatment is suspect until judged; which product it was is protected."""
        action = line.coded("AEACN", ACTIONS)
        if action not in ActionTaken.values:
            action = ""
        product = self.products.add(*line.origin, key, action)
        if causality:
            related = IS_RELATED.get(causality)
            self.causalities.add(*line.origin, key, product, causality, related)
        elif not line.text("AEREL"):
            _report(line, key, "causality_missing", "AEREL")

    def _check(
        self,
        line: Line,
        key: UUID,
        onset: PartialDateTime | None,
        resolved: PartialDateTime | None,
        outcome: str,
    ) -> None:
        person, row = line.person, line.row
        assert person is not None
        if outcome == "fatal" or row.get("AESDTH") == "Y":
            person.fatal_events += 1
        if not line.text("AETERM"):
            _report(line, key, "verbatim_term_missing", "AETERM")
        if rules.has_criterion_without_serious_flag(row):
            given = ", ".join(criteria_given(row))
            _report(
                line, key, "seriousness_criterion_without_serious_flag", "AESER", criteria=given
            )
        if rules.is_serious_without_criterion(row):
            _report(line, key, "serious_flag_without_criterion", "AESER")
        if rules.fatal_outcome_and_death_differ(row):
            parts = {"outcome": line.text("AEOUT"), "death": line.text("AESDTH")}
            _report(line, key, "fatal_outcome_and_death_criterion_differ", "AEOUT", **parts)
        if rules.ends_while_not_recovered(resolved, outcome):
            parts = {"end": str(resolved), "outcome": line.text("AEOUT")}
            _report(line, key, "end_date_while_not_recovered", "AEOUT", **parts)
        if rules.is_recovered_without_end(line.text("AEENDTC"), outcome):
            _report(line, key, "recovered_without_end_date", "AEENDTC", outcome=line.text("AEOUT"))
        check_interval(line, "adverse_event", key, onset, resolved)
        if rules.is_onset_undecidable(onset, person.first_dose):
            parts = {"onset": str(onset), "first_dose": str(person.first_dose)}
            _report(line, key, "onset_undecidable_against_first_dose", "AESTDTC", **parts)
        if person.death and rules.is_dated_after_death(onset, person.death) is Answer.YES:
            parts = {"date": str(onset), "death": str(person.death)}
            _report(line, key, "dated_after_death", "AESTDTC", **parts)

    def check_flag(self, usubjid: str, sequence: str, flag: str) -> None:
        """Hold the sponsor's treatment-emergent flag (SUPPAE) against the dates."""
        found = self.onsets.get((usubjid, sequence))
        if found is None:
            return
        onset, line, key = found
        first_dose = line.person.first_dose if line.person else None
        if rules.treatment_emergent_flag_differs(flag, onset, first_dose):
            parts = {"flag": flag, "onset": str(onset), "first_dose": str(first_dose)}
            _report(line, key, "treatment_emergent_flag_differs", "AESTDTC", **parts)


def _report(line: Line, key: UUID, rule: str, variable: str, **parts: Any) -> None:
    line.report(rule, resource="adverse_event", record_id=key, variable=variable, **parts)
