"""Filters of trials and sites."""

import django_filters

from portal.api.filters import ReferenceFilter, SearchFilter
from trials.vocabulary import SiteStatus, TrialStatus


class TrialFilter(django_filters.FilterSet):
    """By status, by text."""

    status = django_filters.ChoiceFilter(choices=TrialStatus.choices)
    search = SearchFilter(fields=("number", "title"))


class SiteFilter(django_filters.FilterSet):
    """By status."""

    status = django_filters.ChoiceFilter(choices=SiteStatus.choices)


class SiteOfAnyTrialFilter(SiteFilter):
    """By trial too."""

    trial = ReferenceFilter(field_name="trial_id")
