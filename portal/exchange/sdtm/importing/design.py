"""The trial and its plan: TS, TA, TE, TV, TI become rows of trials. Plan objects are open."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from portal.exchange.sdtm.importing.context import Study, bounded
from portal.exchange.sdtm.reading.dataset import Row
from portal.exchange.sdtm.rules.visits import PlannedVisit
from portal.exchange.sdtm.values.numbers import read_decimal, text_of
from portal.exchange.sdtm.values.vocabulary import is_no_arm
from trials.models import (
    Arm,
    ArmElement,
    Criterion,
    Element,
    Epoch,
    ProtocolVersion,
    TrialParameter,
    VisitPlan,
)
from trials.vocabulary import Blinding, CriterionKind, Phase, PlanKind

IMPORTED_VERSION = "imported"  # SDTM does not say which version of the protocol it follows
_PHASES = {
    "0": Phase.PRE_CLINICAL,
    "I": Phase.PHASE_1,
    "I/II": Phase.PHASE_1_2,
    "II": Phase.PHASE_2,
    "II/III": Phase.PHASE_2_3,
    "III": Phase.PHASE_3,
    "IV": Phase.PHASE_4,
}
_BLINDINGS = {
    "OPEN LABEL": Blinding.OPEN,
    "SINGLE BLIND": Blinding.SINGLE,
    "DOUBLE BLIND": Blinding.DOUBLE,
}


def phase_of(text: str) -> Phase:
    """Return the phase that TPHASE names: `Phase II Trial`, `PHASE II/III TRIAL`."""
    words = text.upper().replace("PHASE", "").replace("TRIAL", "").replace(" ", "")
    return _PHASES.get(words, Phase.NOT_APPLICABLE)


def blinding_of(text: str) -> Blinding:
    """Return the blinding that TBLIND names; a trial that does not say is taken as double blind."""
    return _BLINDINGS.get(text.strip().upper(), Blinding.DOUBLE)


class Design:
    """Write the plan; afterwards `arms`, `elements` and `visit_plans` are known by their codes."""

    def __init__(self, study: Study, rows: dict[str, list[Row]]) -> None:
        self.study, self.rows = study, rows
        self.arms: dict[str, UUID] = {}
        self.elements: dict[str, UUID] = {}
        self.epochs: dict[str, UUID] = {}
        self.visit_plans: dict[Decimal, UUID] = {}
        self.version_id = study.writer.table(ProtocolVersion, "trial_id", "number").add(
            study.trial_id, IMPORTED_VERSION
        )

    def write(self) -> None:
        """Write everything that the trial design datasets hold."""
        self._parameters()
        self._epochs_and_arms()
        self._elements()
        self._visits()
        self._criteria()

    def _plan_table(self, model: Any, *columns: str) -> Any:
        return self.study.writer.table(
            model,
            "oid",
            *columns,
            trial_id=self.study.trial_id,
            protocol_version_id=self.version_id,
        )

    def _parameters(self) -> None:
        table = self.study.writer.table(
            TrialParameter, "trial_id", "code", "ordinal", "group", "name", "value"
        )
        for row in self.rows.get("TS", []):
            ordinal = read_decimal(row.get("TSSEQ"))
            table.add(
                self.study.trial_id,
                _of(row, "TSPARMCD"),
                int(ordinal or 1),
                _of(row, "TSGRPID"),
                _of(row, "TSPARM"),
                _of(row, "TSVAL"),
            )

    def _epochs_and_arms(self) -> None:
        planned = sorted(self.rows.get("TA", []), key=lambda row: _order(row, "TAETORD"))
        names = dict.fromkeys(_of(row, "EPOCH") for row in planned if _of(row, "EPOCH"))
        epochs = self._plan_table(Epoch, "name", "ordinal")
        for ordinal, name in enumerate(names, 1):
            self.epochs[name.upper()] = epochs.add(f"EPOCH.{name}", name, ordinal)
        found = {_of(row, "ARMCD"): _of(row, "ARM") for row in self.rows.get("TA", [])}
        if not found:
            found = {_of(row, "ARMCD"): _of(row, "ARM") for row in self.rows.get("DM", [])}
        arms = self._plan_table(Arm, "code", "name", "ordinal")
        for ordinal, (code, name) in enumerate(sorted(found.items()), 1):
            if code and not is_no_arm(code):
                self.arms[code] = arms.add(f"ARM.{code}", code, name or code, ordinal)

    def _elements(self) -> None:
        elements = self._plan_table(Element, "code", "name", "start_rule", "end_rule", "duration")
        named = {_of(row, "ETCD"): row for row in self.rows.get("TA", [])}
        for code, row in (named | {_of(r, "ETCD"): r for r in self.rows.get("TE", [])}).items():
            self.elements[code] = elements.add(
                f"ELEMENT.{code}",
                code,
                _of(row, "ELEMENT"),
                _of(row, "TESTRL"),
                _of(row, "TEENRL"),
                _of(row, "TEDUR"),
            )
        table = self._plan_table(
            ArmElement, "arm_id", "element_id", "epoch_id", "ordinal", "branch", "transition"
        )
        for row in self.rows.get("TA", []):
            arm = self.arms.get(_of(row, "ARMCD"))
            if arm is not None:
                ordinal = int(_order(row, "TAETORD"))
                table.add(
                    f"ARM.{_of(row, 'ARMCD')}.{ordinal}",
                    arm,
                    self.elements[_of(row, "ETCD")],
                    self.epochs.get(_of(row, "EPOCH").upper()),
                    ordinal,
                    _of(row, "TABRANCH"),
                    _of(row, "TATRANS"),
                )

    def _visits(self) -> None:
        table = self._plan_table(
            VisitPlan,
            "visit_number",
            "name",
            "kind",
            "planned_day",
            "arm_id",
            "start_rule",
            "end_rule",
        )
        for row in self.rows.get("TV", []):
            number = bounded(read_decimal(row.get("VISITNUM")), digits=8, places=3)
            if number is None:
                continue
            name, arm = _of(row, "VISIT"), _of(row, "ARMCD")
            day = read_decimal(row.get("VISITDY"))
            planned = PlannedVisit(number, name, None if day is None else int(day))
            oid = ".".join(part for part in ("VISIT", f"{number.normalize():f}", arm) if part)
            key = table.add(
                oid,
                number,
                name,
                plan_kind(planned).value,
                planned.day,
                self.arms.get(arm),
                _of(row, "TVSTRL"),
                _of(row, "TVENRL"),
            )
            # A visit that differs by arm is planned once for each; the number is what SV names.
            self.visit_plans.setdefault(number, key)
            self.study.plan.setdefault(number, planned)

    def _criteria(self) -> None:
        table = self._plan_table(Criterion, "kind", "code", "text")
        for row in self.rows.get("TI", []):
            excludes = _of(row, "IECAT").upper().startswith("EXCL")
            version = _of(row, "TIVERS")
            table.add(
                ".".join(part for part in ("CRITERION", _of(row, "IETESTCD"), version) if part),
                (CriterionKind.EXCLUSION if excludes else CriterionKind.INCLUSION).value,
                _of(row, "IETESTCD"),
                _of(row, "IETEST"),
            )


def plan_kind(visit: PlannedVisit) -> PlanKind:
    """Return what a planned visit is for, as far as its name and day tell."""
    name = visit.name.upper()
    if name.startswith("SCREEN"):
        return PlanKind.SCREENING
    if "FOLLOW" in name:
        return PlanKind.FOLLOW_UP
    return PlanKind.TREATMENT if visit.day is not None and visit.day > 0 else PlanKind.OTHER


def _of(row: Row, variable: str) -> str:
    return text_of(row.get(variable))


def _order(row: Row, variable: str) -> Decimal:
    return read_decimal(row.get(variable)) or Decimal(0)
