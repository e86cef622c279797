"""Diary days: completed by their reports, missed after window and grace, reopened by late ones."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from patients.pipeline.ages import ages_of
from patients.pipeline.decoding import Upload
from patients.pipeline.definitions import Rules, active_rules
from patients.pipeline.evaluation import Job, evaluate
from patients.rules.risk import is_of_age
from patients.vocabulary import DiaryState

# The earliest report of a day decides, whichever came first.
_COMPLETE = """
WITH day AS (
    SELECT d.id, d.state AS before, d.patient_id, d.trial_id,
           CASE WHEN min(r.authored_at) <= d.closes_at THEN 'completed' ELSE 'late' END AS after
    FROM patients_diaryassignment d
    JOIN patients_eproreport r ON r.assignment_id = d.id
    WHERE d.id = ANY(%s)
    GROUP BY d.id
)
UPDATE patients_diaryassignment d SET state = day.after, missed_reason = ''
FROM day WHERE d.id = day.id AND d.state <> day.after
RETURNING d.patient_id, d.trial_id, day.before
"""
# A phone may be offline: the site's plan says how long before silence means something.
_MISS = """
UPDATE patients_diaryassignment d SET state = 'missed'
WHERE d.id = ANY(ARRAY(
    SELECT n.id FROM patients_diaryassignment n
    LEFT JOIN patients_monitoringplan m ON m.site_id = n.site_id
    WHERE n.state = 'scheduled' AND n.patient_id = ANY(%s)
      AND n.closes_at + make_interval(hours => coalesce(m.offline_grace_hours, %s)) <= %s
      AND NOT EXISTS (SELECT 1 FROM patients_eproreport r WHERE r.assignment_id = n.id)
))
RETURNING d.patient_id, d.trial_id
"""
DUE_PATIENTS = """
SELECT DISTINCT n.patient_id FROM patients_diaryassignment n
LEFT JOIN patients_monitoringplan m ON m.site_id = n.site_id
WHERE n.state = 'scheduled'
  AND NOT EXISTS (SELECT 1 FROM patients_eproreport r WHERE r.assignment_id = n.id)
  AND n.closes_at + make_interval(hours => coalesce(m.offline_grace_hours, %s)) <= %s
ORDER BY n.patient_id LIMIT %s
"""
DEFAULT_GRACE_HOURS = 24


def settle(uploads: Sequence[Upload], rules: Rules, at: datetime) -> list[Job]:
    """Complete the days of reports; return the rules that a reopened day concerns."""
    days = [one.assignment_id for one in uploads if one.assignment_id is not None]
    if not days:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, [days])
        changed = cursor.fetchall()
    reopened = {(p, trial) for p, trial, before in changed if before == DiaryState.MISSED}
    ages = {one.patient_id: one for one in uploads}
    jobs = [
        Job(rule, (patient, "diary", ""))
        for patient, trial in sorted(reopened)
        for rule in rules.get((trial, "diary", ""), ())
        if is_of_age(rule.parameters, ages[patient].age_years)
    ]
    evaluate(jobs, at, again=True)
    return jobs


def miss(patients: Sequence[UUID], at: datetime) -> list[Job]:
    """Mark the days that went by and return the rules that they concern, evaluated.

    The caller holds the patients' locks.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MISS, [list(patients), DEFAULT_GRACE_HOURS, at])
        missed = sorted(set(cursor.fetchall()))
    ages = ages_of({patient for patient, _trial in missed})
    rules = active_rules({trial for _patient, trial in missed})
    jobs = [
        Job(rule, (patient, "diary", ""))
        for patient, trial in missed
        for rule in rules.get((trial, "diary", ""), ())
        if is_of_age(rule.parameters, ages[patient])
    ]
    evaluate(jobs, at, again=True)
    return jobs
