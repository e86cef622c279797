"""Gather findings while rows are read, group what is alike, and write them with their addresses.

A safety finding stands alone: each event needs its own act. Others of one rule and one patient
become one finding that counts them and lists where they are.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

from patients.models import DataFinding, DataPoint, ProtectedFinding
from portal.exchange.sdtm.importing.writer import Writer
from portal.exchange.sdtm.rules.catalog import RULES, Rule, Severity

# The field of the portal that a variable became; in a source record the variable is the field.
FIELD_OF: Mapping[str, str] = MappingProxyType(
    {
        "AEENDTC": "resolved",
        "AEOUT": "outcome",
        "AEREL": "causality",
        "AESER": "serious_as_reported",
        "AESTDTC": "onset",
        "AETERM": "term",
        "CMENDTC": "ended",
        "CMSTDTC": "started",
        "EXENDTC": "ended",
        "EXSTDTC": "started",
        "LBNRIND": "reference_indicator",
        "MHENDTC": "ended",
        "MHSTDTC": "started",
        "SVENDTC": "ended",
        "SVSTDTC": "started",
        "VISITNUM": "visit_number",
        "VSORRES": "value",
    }
)
LISTED = 50  # occurrences that a finding lists; the rest are counted


@dataclass(frozen=True, slots=True)
class Where:
    """What a finding is about: a record of the portal and the row that it came from."""

    resource: str
    record_id: UUID
    dataset: str
    row: int
    sequence: str = ""


@dataclass(slots=True)
class _Group:
    rule: Rule
    patient_id: UUID | None
    first: Where | None
    variable: str
    message: str
    is_protected: bool
    facts: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0


class Findings:
    """The findings of one import."""

    def __init__(self, *, trial_id: UUID, is_blinded: bool) -> None:
        self.trial_id, self.is_blinded = trial_id, is_blinded
        self.groups: dict[tuple[Any, ...], _Group] = {}

    def report(
        self,
        rule_id: str,
        *,
        patient_id: UUID | None,
        where: Where | None,
        variable: str = "",
        is_protected: bool = False,
        parts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Report one occurrence of a rule; `parts` fill in its message."""
        rule = RULES[rule_id]
        alone = where if rule.severity is Severity.SAFETY else None
        spread = (where.dataset, variable) if patient_id is None and where else None
        key = (rule_id, patient_id, alone, spread, is_protected)
        group = self.groups.get(key)
        if group is None:
            words = {"dataset": where.dataset if where else "", "variable": variable} | dict(parts)
            message = rule.message.format(**words)
            group = self.groups[key] = _Group(
                rule, patient_id, where, variable, message, is_protected or rule.is_unblinding
            )
        group.count += 1
        if group.count <= LISTED:
            group.facts.append(_fact(where, variable, parts))

    def write(self, writer: Writer) -> None:
        """Put every finding in its place; unblinding ones in the protected schema."""
        points = _Points(writer, self.trial_id)
        for group in self.groups.values():
            protected = self.is_blinded and group.is_protected
            table = writer.table(
                ProtectedFinding if protected else DataFinding,
                "trial_id",
                "patient_id",
                "rule",
                "severity",
                "owner_role",
                "message",
                "occurrences",
                "facts",
                "resource",
                "record_id",
                "data_point_id",
            )
            where = group.first
            table.add(
                self.trial_id,
                group.patient_id,
                group.rule.id,
                group.rule.severity.value,
                group.rule.owner,
                _message(group),
                group.count,
                {"occurrences": group.facts},
                where.resource if where else "",
                where.record_id if where else None,
                # The address of a protected value would itself unblind.
                None if protected or where is None else points.of(group.patient_id, group),
            )

    def summary(self) -> list[tuple[Rule, int, int]]:
        """Return each rule that fired, its findings and its occurrences; safety first.

        Of a blinded import nobody is told how many findings are protected, nor of which rule: the
        summary goes to whoever types the command, and into logs (domain.md 6).
        """
        groups: Counter[str] = Counter()
        occurrences: Counter[str] = Counter()
        for group in self.groups.values():
            if not (self.is_blinded and group.is_protected):
                groups[group.rule.id] += 1
                occurrences[group.rule.id] += group.count
        order = list(Severity)
        rules = sorted(groups, key=lambda name: (order.index(RULES[name].severity), name))
        return [(RULES[name], groups[name], occurrences[name]) for name in rules]


class _Points:
    def __init__(self, writer: Writer, trial_id: UUID) -> None:
        self.table = writer.table(
            DataPoint,
            "trial_id",
            "patient_id",
            "record_type",
            "record_id",
            "field",
            "form_oid",
            "group_repeat_key",
            "item_oid",
        )
        self.trial_id = trial_id
        self.known: dict[tuple[UUID, str], UUID] = {}

    def of(self, patient_id: UUID | None, group: _Group) -> UUID:
        where = group.first
        assert where is not None
        field = group.variable
        if where.resource != "source_record":
            field = FIELD_OF.get(field, field)
        key = (where.record_id, field)
        if key not in self.known:
            self.known[key] = self.table.add(
                self.trial_id,
                patient_id,
                where.resource,
                where.record_id,
                field,
                where.dataset,
                where.sequence,
                group.variable,
            )
        return self.known[key]


def _fact(where: Where | None, variable: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    fact: dict[str, Any] = {}
    if where is not None:
        fact |= {
            "resource": where.resource,
            "record": str(where.record_id),
            "dataset": where.dataset,
            "row": where.row,
        }
    if variable:
        fact["variable"] = variable
    return fact | {"parts": {name: str(value) for name, value in parts.items()}}


def _message(group: _Group) -> str:
    if group.count == 1:
        return group.message
    return f"{group.message} ({group.count} in all)"
