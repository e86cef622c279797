"""Diaries: what was due on each local day, what was sent, what was answered.

A day's window is wall time at the site. Most write in it; some forget, some write the next morning
(late), some phones send days after (written in time, received later).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from patients.rules.diary_windows import instant_of
from portal.demo.generator import design
from portal.demo.generator import records as r
from portal.demo.generator.draws import clamp
from portal.demo.generator.participation import Maker
from portal.demo.generator.people import Fate, Story
from portal.demo.generator.times import full

_NOTES = (
    "felt dizzy after lunch",
    "slept badly, noisy street",
    "forgot the morning tablet, took it at noon",
    "Went for a long walk today.",
    "headache in the afternoon",
)
_SAFETY_DAY = 21
_MISSED_REASONS = ("", "", "Phone broken", "In hospital")


@dataclass(frozen=True, slots=True)
class Due:
    """One local day on which the diary is due."""

    day: int
    local_day: date
    opens_at: datetime
    closes_at: datetime


def diaries(make: Maker) -> list[r.Row]:
    """Return the patient's diary days, reports and answers."""
    person = make.person
    if not person.is_treated:
        return []
    rows: list[r.Row] = []
    last = person.last_day - (person.fate is Fate.DIED)
    for day in range(1, min(last, 56) + 1, person.design.diary_every_days):
        due = _due(make, day)
        if due.opens_at - timedelta(hours=17) >= person.times.cutoff:
            break
        rows += _one_day(make, due)
    return rows


def _due(make: Maker, day: int) -> Due:
    person = make.person
    local_day = person.on(day)
    opens, closes = (
        instant_of(local_day, time.fromisoformat(wall), person.zone)
        for wall in (design.DIARY_OPENS, design.DIARY_CLOSES)
    )
    return Due(day, local_day, opens, closes)


def _one_day(make: Maker, due: Due) -> list[r.Row]:
    person, draws = make.person, make.person.draws
    made = due.opens_at - timedelta(hours=17)
    base = make.base(made, "diary", due.local_day)
    # All draws are made whatever happens, so that no day disturbs the next.
    is_written = draws.chance(person.diligence - 0.05 * person.effect("fatigue", due.day + 0.8))
    is_late = draws.chance(0.05)
    hours = draws.uniform(0.1, 5.8) if not is_late else draws.uniform(13.2, 17.5)
    is_offline = draws.chance(0.06)
    lag = draws.waiting(1.4) if is_offline else draws.waiting(0.0008)
    authored = (due.opens_at + timedelta(hours=hours)).replace(second=0, microsecond=0)
    received = authored + timedelta(seconds=4, days=lag)
    reason = draws.pick(_MISSED_REASONS)
    if person.story is Story.SAFETY_ANSWER and due.day == _SAFETY_DAY:
        is_written, is_late = True, False
    if is_written and not make.is_over(received):
        assignment = _assignment(make, due, base, "late" if is_late else "completed")
        return [assignment, *_report(make, due, assignment.id, authored, received, is_late)]
    if make.is_over(due.closes_at) or (is_written and make.is_over(authored)):
        return [_assignment(make, due, base, "scheduled")]
    return [_assignment(make, due, base, "missed", reason)]


def _assignment(
    make: Maker, due: Due, base: dict[str, Any], state: str, reason: str = ""
) -> r.DiaryAssignment:
    return r.DiaryAssignment(
        **base,
        instrument_id=make.site.trial.instrument.id,
        local_day=due.local_day,
        zone=make.person.zone,
        opens_local=design.DIARY_OPENS,
        closes_local=design.DIARY_CLOSES,
        opens_at=due.opens_at,
        closes_at=due.closes_at,
        state=state,
        missed_reason=reason,
    )


def _report(
    make: Maker,
    due: Due,
    assignment_id: UUID,
    authored: datetime,
    received: datetime,
    is_late: bool,
) -> list[r.Row]:
    person, draws = make.person, make.person.draws
    answers = _answers(make, due, authored)
    base = make.base(received, "report", due.local_day)
    submission = person.times.key(authored, person.subject_number, "submission", due.local_day)
    raw = {
        "submission_id": str(submission),
        "patient": str(person.id),
        "instrument": "daily-diary",
        "instrument_version": "1.0",
        "authored_at": full(authored, person.zone).text,
        "time_zone": person.zone,
        "originator": "participant",
        "answers": {item: value for item, (value, _) in answers.items() if value is not None},
    }
    missing = {item: reason for item, (_, reason) in answers.items() if reason}
    if missing:
        raw["missing"] = missing
    report = r.EproReport(
        **base,
        submission_id=submission,
        assignment_id=assignment_id,
        instrument_id=make.site.trial.instrument.id,
        disposition="late" if is_late else "accepted",
        started_at=authored - timedelta(seconds=draws.integer(35, 240)),
        authored_at=authored,
        saved_at=authored + timedelta(seconds=1),
        received_at=received,
        zone=person.zone,
        language=make.site.design.language,
        app_version="1.0.0",
        device_id=None,
        originator="participant",
        raw=raw,
    )
    rows: list[r.Row] = [report]
    for item, (value, reason) in answers.items():
        answer = make.base(received, "answer", due.local_day, item)
        rows.append(
            r.DiaryAnswer(
                **answer, report_id=report.id, item=item, value=value, missing_reason=reason
            )
        )
    return rows


def _answers(
    make: Maker, due: Due, authored: datetime
) -> dict[str, tuple[int | bool | str | None, str]]:
    """Return value and missing reason by item; the note only where one was written."""
    person, draws = make.person, make.person.draws
    day = person.day_of(authored)
    answers: dict[str, tuple[int | bool | str | None, str]] = {}
    for item, (low, high, _, _) in design.DIARY_SCALES.items():
        drawn = draws.normal(person.mood[item] + person.effect(item, day), 0.8)
        value = int(clamp(round(drawn), low, high))
        is_missing, reason = draws.chance(0.012), draws.pick(("declined", "skipped"))
        answers[item] = (None, reason) if is_missing else (value, "")
    answers[design.SAFETY_ITEM] = (
        person.story is Story.SAFETY_ANSWER and due.day == _SAFETY_DAY,
        "",
    )
    if draws.chance(0.08):
        answers["note"] = (draws.pick(_NOTES), "")
    return answers
