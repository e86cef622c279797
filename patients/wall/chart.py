"""One vital sign of a patient over a span, for a chart: each reading, or buckets that hold them.

Gaps stay gaps: a bucket without a value is not there. What is no exact, possible value is marked
and counts for no minimum, maximum or mean.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from patients import selectors
from patients.models import MonitoringPlan, Patient, RiskRuleVersion, VitalRollup, VitalSample
from patients.rules import news2
from patients.rules.observation_sets import CODES
from patients.rules.risk import Threshold
from patients.rules.risk import decode as decode_rule
from patients.rules.vital_codes import IMPLAUSIBLE
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import CONTINUOUS, ReadingStatus, RollupLevel, RuleKind, RuleState
from patients.wall.readings import number
from portal.access.permissions import Permission
from portal.access.scoping import may, visible
from portal.accounts.models import User

_ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)
_WIDTHS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200),
    *(86_400, 172_800),
)
_WEEK = 604_800
# A reading counts where it is exact, possible and of a body.
_COUNTS = Q(comparator="") & ~Q(status=ReadingStatus.ARTIFACT) & ~Q(flags__contains=IMPLAUSIBLE)
_SAMPLE_COUNTS = Q(is_artifact=False, is_implausible=False)
_SINGLE = """SELECT q.at, q.counts::int, (NOT q.counts)::int, CASE WHEN q.counts THEN q.value END,
       CASE WHEN q.counts THEN q.value END, CASE WHEN q.counts THEN q.value ELSE 0 END,
       CASE WHEN q.counts THEN q.at END, CASE WHEN q.counts THEN q.value END
FROM ({}) AS q(at, value, counts)"""
_GROUPED = """SELECT date_bin(%s, u.at, %s) AS bucket, sum(u.n), sum(u.marked), min(u.minimum),
       max(u.maximum), sum(u.total),
       (array_agg(u.last ORDER BY u.last_at DESC) FILTER (WHERE u.last_at IS NOT NULL))[1]
FROM ({}) AS u(at, n, marked, minimum, maximum, total, last_at, last)
GROUP BY bucket ORDER BY bucket"""


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: a code of a patient from `since` up to `until`, in so many points."""

    patient: Patient
    code: str
    since: datetime
    until: datetime
    points: int

    @property
    def width(self) -> int:
        """The width of a bucket in seconds so that there are no more than `points`."""
        needed = (self.until - self.since).total_seconds() / self.points
        usual = next((width for width in _WIDTHS if width >= needed), None)
        return usual or int(-(-needed // _WEEK)) * _WEEK


def chart(span: Span, user: User) -> dict[str, Any]:
    """Return what a chart draws; at most eight queries whatever the span."""
    readings, samples = _readings(span, user), _samples(span, user)
    plain = _points(span, readings, samples)
    width = None if plain is not None else span.width
    return {
        "patient": span.patient.pk,
        "code": span.code,
        "unit": VITAL_CODES[span.code].unit,
        "since": span.since,
        "until": span.until,
        "bucket_seconds": width,
        "readings": plain or [],
        "buckets": [] if width is None else _buckets(span, width, user, readings, samples),
        "thresholds": _thresholds(span, user),
        "news2_bands": _bands(span),
    }


def _readings(span: Span, user: User) -> QuerySet[Any]:
    """Return the vital signs in the span that are no samples as well."""
    rows = visible(selectors.vital_signs(), user, Permission.VITAL_SIGN_VIEW)
    return (
        rows.filter(
            patient=span.patient,
            code=span.code,
            measured_earliest__gte=span.since,
            measured_earliest__lt=span.until,
            value__isnull=False,
        )
        .exclude(status=ReadingStatus.ENTERED_IN_ERROR)
        .exclude(method=CONTINUOUS, vitals_upload__isnull=False)
    )


def _samples(span: Span, user: User) -> QuerySet[VitalSample]:
    rows = selectors.vital_samples().filter(
        patient=span.patient,
        code=span.code,
        measured_at__gte=span.since,
        measured_at__lt=span.until,
    )
    return visible(rows, user, Permission.VITAL_SIGN_VIEW)


def _points(span: Span, readings: Any, samples: Any) -> list[dict[str, Any]] | None:
    """Return every reading and sample, None where they are more than the chart has points."""
    most = span.points
    found = [_point(row) for row in readings.order_by("measured_earliest", "id")[: most + 1]]
    room = most - len(found)
    ordered = samples.order_by("measured_at", "id")
    # Whether there are too many is asked before any of them is read.
    if room < 0 or ordered.values_list("pk")[room : room + 1]:
        return None
    found += map(_point_of_sample, ordered)
    return sorted(found, key=lambda one: (one["at"], str(one["reading"])))


def _point(row: Any) -> dict[str, Any]:
    return {
        "at": row.measured_earliest,
        "value": number(row.value),
        "reading": row.pk,
        "status": row.status,
        "comparator": row.comparator,
        "position": row.position,
        "flags": row.flags,
        "is_sample": False,
    }


def _point_of_sample(row: VitalSample) -> dict[str, Any]:
    status = ReadingStatus.ARTIFACT if row.is_artifact else ReadingStatus.FINAL
    return {
        "at": row.measured_at,
        "value": number(row.value),
        "reading": row.pk,
        "status": status,
        "comparator": "",
        "position": row.position,
        "flags": [IMPLAUSIBLE] if row.is_implausible else [],
        "is_sample": True,
    }


def _buckets(
    span: Span, width: int, user: User, readings: QuerySet[Any], samples: QuerySet[Any]
) -> list[dict[str, Any]]:
    counted = readings.annotate(counts=ExpressionWrapper(_COUNTS, BooleanField()))
    parts = [_single(counted.values_list("measured_earliest", "value", "counts"))]
    if width < RollupLevel.MINUTE:
        sampled = samples.annotate(counts=ExpressionWrapper(_SAMPLE_COUNTS, BooleanField()))
        parts.append(_single(sampled.values_list("measured_at", "value", "counts")))
    else:
        parts.append(_rolled_up(span, width, user).query.sql_with_params())
    inner = " UNION ALL ".join(statement for statement, _some in parts)
    values = [one for _statement, some in parts for one in some]
    with connection.cursor() as cursor:
        parameters: list[Any] = [timedelta(seconds=width), _ORIGIN, *values]
        cursor.execute(_GROUPED.format(inner), parameters)
        return [_bucket(*row) for row in cursor.fetchall()]


def _single(rows: Any) -> tuple[str, tuple[Any, ...]]:
    statement, values = rows.query.sql_with_params()
    return _SINGLE.format(statement), values


def _rolled_up(span: Span, width: int, user: User) -> QuerySet[Any, Any]:
    level = next(one for one in sorted(RollupLevel.values, reverse=True) if width % one == 0)
    rows = visible(VitalRollup.objects.all(), user, Permission.VITAL_SIGN_VIEW)
    first = span.since - timedelta(seconds=level)
    return rows.filter(
        patient=span.patient, code=span.code, level=level, at__gt=first, at__lt=span.until
    ).values_list("at", "n", "marked", "minimum", "maximum", "total", "last_at", "last")


def _bucket(
    at: datetime,
    count: int,
    marked: int,
    minimum: Decimal | None,
    maximum: Decimal | None,
    total: Decimal,
    last: Decimal | None,
) -> dict[str, Any]:
    mean = round(float(total) / count, 6) if count else None
    return {
        "at": at,
        "min": None if minimum is None else number(minimum),
        "max": None if maximum is None else number(maximum),
        "mean": mean,
        "n": count,
        "last": None if last is None else number(last),
        "marked": marked,
    }


def _thresholds(span: Span, user: User) -> list[dict[str, Any]]:
    """Return the levels of the trial's rules in force, to those who may read rules."""
    if not may(user, Permission.RISK_RULE_VIEW, span.patient):
        return []
    rows = RiskRuleVersion.objects.filter(
        trial=span.patient.trial_id, state=RuleState.ACTIVE, rule__kind=RuleKind.THRESHOLD
    )
    found = []
    for key, version, name, parameters in rows.order_by("rule__name").values_list(
        "rule_id", "number", "rule__name", "parameters"
    ):
        rule = decode_rule(RuleKind.THRESHOLD, parameters)
        if isinstance(rule, Threshold) and rule.code == span.code:
            level = {"set": number(rule.set), "reset": number(rule.reset)}
            about = {"rule": key, "rule_name": name, "rule_version": version}
            found.append({**about, "direction": rule.direction, **level})
    return found


def _bands(span: Span) -> list[dict[str, Any]]:
    """Return the points of NEWS2 by value, where the site has turned it on."""
    parameter = next((name for name, codes in CODES.items() if span.code in codes), None)
    if parameter is None or parameter not in news2.RESOLUTION:
        return []
    plans = MonitoringPlan.objects.filter(site=span.patient.site_id, news2_enabled=True)
    if not plans.exists():
        return []
    return [
        {
            "above": None if low is None else number(low),
            "up_to": None if high is None else number(high),
            "points": points,
        }
        for low, high, points in news2.chart(parameter)
    ]
