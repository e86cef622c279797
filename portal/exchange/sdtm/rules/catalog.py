"""The rules of an import: each with its owner and its words.

A rule exists only where somebody must act; what is merely partial or converted is provenance.
Messages are English templates; the caller translates them and fills in the {parts}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; lists open with safety."""

    SAFETY = "safety"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding. `id` is stable; `owner` is the role code of who must act."""

    id: str
    severity: Severity
    owner: str
    message: str
    source: str
    is_unblinding: bool = False


_SITE = "study_coordinator"
_SAFETY = "safety_officer"
_DATA = "data_manager"

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "seriousness_criterion_without_serious_flag",
            Severity.SAFETY,
            _SAFETY,
            "{criteria} given, but the event is reported as not serious.",
            "ICH E2A II.B; SDTMIG AE (AESER)",
        ),
        Rule(
            "serious_flag_without_criterion",
            Severity.SAFETY,
            _SAFETY,
            "The event is reported as serious, but no criterion is given.",
            "ICH E2A II.B",
        ),
        Rule(
            "fatal_outcome_and_death_criterion_differ",
            Severity.SAFETY,
            _SAFETY,
            "Outcome {outcome}, but results in death: {death}.",
            "SDTMIG AE (AEOUT, AESDTH)",
        ),
        Rule(
            "death_without_fatal_event",
            Severity.SAFETY,
            _SAFETY,
            "The subject died, but no adverse event has a fatal outcome.",
            "SDTMIG DM (DTHFL), AE (AEOUT)",
        ),
        Rule(
            "fatal_event_without_death",
            Severity.SAFETY,
            _SAFETY,
            "An adverse event has a fatal outcome, but the subject is not recorded as dead.",
            "SDTMIG DM (DTHFL), AE (AEOUT)",
        ),
        Rule(
            "dated_after_death",
            Severity.MAJOR,
            _SITE,
            "Dated {date}, after the death on {death}.",
            "SDTMIG DM (DTHDTC)",
        ),
        Rule(
            "end_date_while_not_recovered",
            Severity.MAJOR,
            _SITE,
            "Ended on {end}, but the outcome is {outcome}.",
            "SDTMIG AE (AEENDTC, AEOUT)",
        ),
        Rule(
            "recovered_without_end_date",
            Severity.MINOR,
            _SITE,
            "The outcome is {outcome}, but there is no end date.",
            "SDTMIG AE (AEENDTC, AEOUT)",
        ),
        Rule(
            "end_before_start",
            Severity.MAJOR,
            _SITE,
            "Ends on {end}, before it starts on {start}.",
            "SDTMIG 4.4.3",
        ),
        Rule(
            "started_after_it_was_recorded",
            Severity.MINOR,
            _SITE,
            "Starts on {start}, after it was recorded on {collected}.",
            "SDTMIG --DTC, --STDTC",
        ),
        Rule(
            "onset_undecidable_against_first_dose",
            Severity.MINOR,
            _SITE,
            "Onset {onset} cannot be placed before or after the first dose on {first_dose}.",
            "ICH E9 glossary (treatment emergent)",
        ),
        Rule(
            "treatment_emergent_flag_differs",
            Severity.MAJOR,
            _DATA,
            "Treatment emergent is {flag}, but onset is {onset} and first dose {first_dose}.",
            "ICH E9 glossary (treatment emergent)",
        ),
        Rule(
            "verbatim_term_missing",
            Severity.MAJOR,
            _SITE,
            "The event has no verbatim term.",
            "ICH E2A III.B (minimum criteria)",
        ),
        Rule(
            "causality_missing",
            Severity.MINOR,
            "principal_investigator",
            "The investigator's causality is missing.",
            "ICH E2A III.A",
        ),
        Rule(
            "planned_arm_differs_from_actual",
            Severity.MAJOR,
            "unblinded_statistician",
            "Planned arm {planned}, actual arm {actual}.",
            "SDTMIG DM (ARMCD, ACTARMCD)",
            is_unblinding=True,
        ),
        Rule(
            "exposure_never_ended",
            Severity.MINOR,
            _SITE,
            "Exposure since {start} has no end, but participation ended on {ended}.",
            "SDTMIG EX (EXENDTC), DM (RFPENDTC)",
        ),
        Rule(
            "visit_claims_plan_it_does_not_fit",
            Severity.MAJOR,
            _SITE,
            "Visit {visit} does not fit the plan: {why}.",
            "SDTMIG TV, SV",
        ),
        Rule(
            "visit_out_of_planned_order",
            Severity.MINOR,
            _SITE,
            "{visit} on {date} lies before {earlier} on {earlier_date}, which the plan puts first.",
            "SDTMIG TV (VISITDY), SV",
        ),
        Rule(
            "record_at_visit_not_held",
            Severity.MINOR,
            _DATA,
            "{dataset} names visit {visit}, which the subject did not have.",
            "SDTMIG SV",
        ),
        Rule(
            "implausible_jump",
            Severity.MAJOR,
            _SITE,
            "{code} changed from {before} to {after} {unit} between {before_on} and {after_on}.",
            "Common edit check: body weight, 10 % between visits",
        ),
        Rule(
            "outside_physical_limits",
            Severity.MAJOR,
            _SITE,
            "{code} {value} {unit} is outside {low} to {high}.",
            "Physical limits of each vital sign",
        ),
        Rule(
            "diastolic_not_below_systolic",
            Severity.MAJOR,
            _SITE,
            "Diastolic {diastolic} is not below systolic {systolic}.",
            "One cuff reading gives both",
        ),
        Rule(
            "unit_not_accepted",
            Severity.MAJOR,
            _DATA,
            "{code} is given in {unit}, which is not accepted for it.",
            "UCUM; accepted units of each vital sign",
        ),
        Rule(
            "result_not_numeric",
            Severity.MAJOR,
            _DATA,
            "{code} has the result {value!r}, which is not a number.",
            "SDTMIG VS (VSORRES)",
        ),
        Rule(
            "standard_result_differs",
            Severity.MINOR,
            _DATA,
            "{code} {given} {given_unit} is {expected} {unit}, but the file says {stated}.",
            "SDTMIG --STRESN",
        ),
        Rule(
            "range_indicator_differs",
            Severity.MINOR,
            _DATA,
            "{test} {value} is reported as {stated}, but lies {computed} for {low} to {high}.",
            "SDTMIG LB (LBNRIND)",
        ),
        Rule(
            "study_day_differs",
            Severity.MINOR,
            _DATA,
            "{variable} says day {stated}, but {date} is day {computed}.",
            "SDTMIG 4.4.4",
        ),
        Rule(
            "date_unreadable",
            Severity.MAJOR,
            _SITE,
            "{variable} holds {text!r}: {problem}.",
            "SDTMIG 4.4.1",
        ),
        Rule(
            "term_not_in_codelist",
            Severity.MINOR,
            _DATA,
            "{variable} holds {text!r}, which is not in its codelist.",
            "CDISC SDTM Controlled Terminology",
        ),
        Rule(
            "unknown_subject",
            Severity.MAJOR,
            _DATA,
            "{dataset} names the subject {subject}, who is not in DM.",
            "SDTMIG DM (USUBJID)",
        ),
        Rule(
            "related_record_missing",
            Severity.MINOR,
            _DATA,
            "{dataset} points to {domain} {variable} {value}, which does not exist.",
            "SDTMIG 8 (RELREC, SUPP--)",
        ),
        Rule(
            "duplicate_key",
            Severity.MAJOR,
            _DATA,
            "{dataset} holds {variable} {value} more than once for this subject.",
            "SDTMIG 4.1.1 (--SEQ)",
        ),
        Rule(
            "domain_differs_from_dataset",
            Severity.MINOR,
            _DATA,
            "{dataset} holds a row of domain {domain}.",
            "SDTMIG 4.1.1 (DOMAIN)",
        ),
        Rule(
            "text_too_long",
            Severity.MINOR,
            _DATA,
            "{field} was cut to {length} characters; the whole text is in the source record.",
            "Room for the field in the portal",
        ),
        Rule(
            "bytes_not_declared_encoding",
            Severity.INFO,
            _DATA,
            "{dataset} {variable} is not UTF-8 and was read as {read_as}.",
            "FDA Study Data Technical Conformance Guide",
        ),
    )
}
