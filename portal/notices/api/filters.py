"""Which notices."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field

from portal.api.filters import BooleanFilter, ReferenceFilter
from portal.core import clock
from portal.notices.kinds import NoticeKind
from portal.notices.vocabulary import Urgency

MOST = 2**63 - 1


@extend_schema_field({"type": "integer", "minimum": 0})
class SequenceFilter(django_filters.NumberFilter):
    """Notices after a sequence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, max_value=MOST, decimal_places=0, **kwargs)


class OverdueFilter(BooleanFilter):
    """Notices that somebody should have acknowledged by now."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Return the rows where that is so, or is not."""
        late = Q(acknowledged_at__isnull=True, due_at__lt=clock.now())
        if value not in ("true", "false"):
            return qs
        return qs.filter(late if value == "true" else ~late | Q(due_at__isnull=True))


class NoticeFilter(django_filters.FilterSet):
    """By sequence, state, kind and place."""

    after = SequenceFilter(field_name="sequence", lookup_expr="gt")
    unacknowledged = BooleanFilter(field_name="acknowledged_at", lookup_expr="isnull")
    kind = django_filters.ChoiceFilter(choices=[(kind.value, kind.value) for kind in NoticeKind])
    urgency = django_filters.ChoiceFilter(choices=Urgency.choices)
    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    overdue = OverdueFilter()
    person = ReferenceFilter(field_name="person_id")
