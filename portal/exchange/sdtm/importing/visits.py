"""SV: the visits that took place, held against the plan that they claim."""

from itertools import pairwise
from typing import Any
from uuid import UUID

from patients.models import Visit
from patients.vocabulary import VisitKind
from portal.core.partial_dates import Answer, PartialDateTime
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study
from portal.exchange.sdtm.importing.design import Design
from portal.exchange.sdtm.rules.events import ends_before_start, is_dated_after_death
from portal.exchange.sdtm.rules.visits import is_unscheduled, misfit_with_plan
from portal.exchange.sdtm.values.dates import is_before
from portal.exchange.sdtm.values.numbers import read_decimal


class Visits:
    """Turn the rows of SV into visits."""

    def __init__(self, study: Study, design: Design) -> None:
        self.study, self.design = study, design
        self.table = study.writer.table(
            Visit,
            *ORIGIN,
            "plan_id",
            "visit_number",
            "name",
            "kind",
            "started",
            "ended",
        )
        # Each subject's planned visits: (planned day, start, name, line, id).
        self.planned: dict[str, list[tuple[int, PartialDateTime, str, Line, UUID]]] = {}

    def take(self, line: Line) -> None:
        """Write one visit."""
        number, name = line.visit_number(), line.text("VISIT")
        day = read_decimal(line.row.get("VISITDY"))
        why = misfit_with_plan(number, name, None if day is None else int(day), self.study.plan)
        plan_id = None if why or number is None else self.design.visit_plans.get(number)
        started, ended = line.date("SVSTDTC"), line.date("SVENDTC")
        key = self.table.add(
            *line.origin, plan_id, number, name, kind_of(name).value, started, ended
        )
        if number is not None:
            self.study.visits.setdefault((line.usubjid, number), key)
        if is_unscheduled(name):
            self.study.counts["unscheduled visits"] += 1
        if why:
            _report(line, key, "visit_claims_plan_it_does_not_fit", "VISITNUM", visit=name, why=why)
        self._check_dates(line, key, started, ended)
        planned = self.study.plan.get(number) if number is not None and plan_id else None
        if planned and planned.day is not None and started is not None:
            self.planned.setdefault(line.usubjid, []).append(
                (planned.day, started, name, line, key)
            )

    def _check_dates(
        self, line: Line, key: UUID, started: PartialDateTime | None, ended: PartialDateTime | None
    ) -> None:
        death = line.person.death if line.person else None
        if ends_before_start(started, ended) is Answer.YES:
            _report(line, key, "end_before_start", "SVENDTC", start=started, end=ended)
        if death is not None and is_dated_after_death(started, death) is Answer.YES:
            _report(line, key, "dated_after_death", "SVSTDTC", date=started, death=death)

    def finish(self) -> None:
        """Look for planned visits that took place in another order than planned."""
        for visits in self.planned.values():
            visits.sort(key=lambda visit: visit[0])
            for earlier, later in pairwise(visits):
                day, started, name, line, key = later
                if day > earlier[0] and is_before(started, earlier[1]) is Answer.YES:
                    _report(
                        line,
                        key,
                        "visit_out_of_planned_order",
                        "SVSTDTC",
                        visit=name,
                        date=started,
                        earlier=earlier[2],
                        earlier_date=earlier[1],
                    )


def kind_of(name: str) -> VisitKind:
    """Return what a visit is, as far as its name tells."""
    if is_unscheduled(name):
        return VisitKind.UNSCHEDULED
    return VisitKind.FOLLOW_UP if "FOLLOW" in name.upper() else VisitKind.PLANNED


def _report(line: Line, key: UUID, rule: str, variable: str, **parts: Any) -> None:
    line.report(rule, resource="visit", record_id=key, variable=variable, **parts)
