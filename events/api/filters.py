"""Filters of adverse events."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from events import vocabulary as v
from portal.api.filters import (
    BooleanFilter,
    ReferenceFilter,
    SearchFilter,
    SinceFilter,
    UntilFilter,
)


class SeverityFilter(django_filters.ChoiceFilter):
    """By the word of one scale or the grade of the other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        grades = [(str(grade), f"CTCAE {grade}") for grade in range(1, 6)]
        kwargs["choices"] = [*v.Severity.choices, *grades]
        super().__init__(*args, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the events of that intensity."""
        if not value:
            return qs
        return qs.filter(**{"severity_grade" if value.isdigit() else "severity": value})


class AdverseEventFilter(django_filters.FilterSet):
    """By place, person, seriousness, severity, outcome, onset and term."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    is_serious = BooleanFilter()
    severity = SeverityFilter()
    outcome = django_filters.ChoiceFilter(choices=v.Outcome.choices)
    since = SinceFilter(date="onset", earliest="onset_earliest")
    until = UntilFilter(date="onset", earliest="onset_earliest")
    search = SearchFilter(fields=("term", "coded_term"))
