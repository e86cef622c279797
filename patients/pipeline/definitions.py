"""What uploads are held against: instruments and active rules, decoded once for each version."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from patients.models import RiskRuleVersion
from patients.pipeline.decoding import CannotProcess, Upload
from patients.rules import risk
from patients.rules.instruments import InstrumentDefinition, NotADefinition
from patients.rules.instruments import decode as decode_instrument
from patients.vocabulary import RuleState
from trials.models import Instrument


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """One version of a rule as the pipeline uses it."""

    version_id: UUID
    rule_id: UUID
    trial_id: UUID
    kind: str
    name: str
    parameters: risk.Parameters
    # None while a draft is tried: nothing is older than the rule.
    evaluates_from: datetime | None

    def applies_to(self, source: str, key: str) -> bool:
        """Whether the rule looks at such values."""
        return risk.keys_of(self.parameters) == (source, key)


Rules = Mapping[tuple[UUID, str, str], list[ActiveRule]]


def active_rules(trials: Iterable[UUID]) -> Rules:
    """Return the active rules of some trials by trial, source and key. One query."""
    found: dict[tuple[UUID, str, str], list[ActiveRule]] = defaultdict(list)
    rows = RiskRuleVersion.objects.filter(trial__in=set(trials), state=RuleState.ACTIVE)
    for row in rows.order_by("id").values_list(
        "id", "rule_id", "trial_id", "rule__kind", "rule__name", "parameters", "evaluates_from"
    ):
        rule = rule_of(*row)
        found[rule.trial_id, *risk.keys_of(rule.parameters)].append(rule)
    return found


_RULES: dict[UUID, tuple[Any, risk.Parameters]] = {}


def rule_of(
    version_id: UUID,
    rule_id: UUID,
    trial_id: UUID,
    kind: str,
    name: str,
    parameters: Mapping[str, Any],
    evaluates_from: datetime | None,
) -> ActiveRule:
    """Return a version's rule; its parameters are decoded once for each text."""
    kept = _RULES.get(version_id)
    if kept is None or kept[0] != parameters:
        if len(_RULES) > _MOST_KEPT:
            _RULES.clear()
        kept = _RULES[version_id] = (parameters, risk.decode(kind, parameters))
    return ActiveRule(version_id, rule_id, trial_id, kind, name, kept[1], evaluates_from)


_MOST_KEPT = 4096


def instrument(key: UUID) -> InstrumentDefinition:
    """Return a definition; it never changes, so a process reads it once. Raises: CannotProcess."""
    definition = _definition(key)
    if definition is None:
        raise CannotProcess(
            _("The definition of this instrument is not valid. Import it again, then run again.")
        )
    return definition


@lru_cache(maxsize=512)
def _definition(key: UUID) -> InstrumentDefinition | None:
    try:
        return decode_instrument(
            Instrument.objects.values_list("definition", flat=True).get(pk=key)
        )
    except NotADefinition:
        return None


def find_instruments(uploads: Iterable[Upload]) -> None:
    """Give uploads of a version that was unknown when they came the one imported since then."""
    unknown = [
        one for one in uploads if one.resource == "epro_report" and one.instrument_id is None
    ]
    if not unknown:
        return
    codes = {one.instrument_name[0] for one in unknown}
    known = {
        (code, version): key
        for key, code, version in Instrument.objects.filter(code__in=codes).values_list(
            "id", "code", "instrument_version"
        )
    }
    for one in unknown:
        one.instrument_id = known.get(one.instrument_name)
