"""Which notices."""

from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field

from portal.api.filters import BooleanFilter, ReferenceFilter
from portal.core import clock
from portal.notices.kinds import KIND_CHOICES
from portal.notices.vocabulary import Urgency

LONGEST = 18


class _SequenceFormField(forms.Field):
    def to_python(self, value: Any) -> int | None:
        text = str(value or "")
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST):
            raise ValidationError(_("This is not a sequence."), code="invalid")
        return int(text)


@extend_schema_field({"type": "integer", "minimum": 0})
class SequenceFilter(django_filters.Filter):
    """Notices after a sequence."""

    field_class = _SequenceFormField


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
    kind = django_filters.ChoiceFilter(choices=KIND_CHOICES)
    urgency = django_filters.ChoiceFilter(choices=Urgency.choices)
    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    overdue = OverdueFilter()
    person = ReferenceFilter(field_name="person_id")
