"""Filters of patients, vital signs and findings."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from patients import vocabulary as v
from patients.services.identities import find_person
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.api.filters import ReferenceFilter, SearchFilter, SinceFilter, UntilFilter
from portal.core import clock


class PersonSearchFilter(SearchFilter):
    """By number; where none contains the text, by the whole name or an identifier of the person.

    The latter for those who may know who the patients are, and each such search is recorded.
    """

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows. Raises: KeyMissing."""
        numbered = super().filter(qs, value)
        user = self.parent.request.user
        if not value or not may(user, Permission.IDENTITY_VIEW) or numbered.exists():
            return numbered
        found = find_person(text=value, by=user, at=clock.now())
        return qs.filter(pk__in=[patient.pk for patient in found])


class PatientFilter(django_filters.FilterSet):
    """By trial, site, participation and subject number."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    status = django_filters.ChoiceFilter(
        field_name="participation", choices=v.Participation.choices
    )
    search = PersonSearchFilter(fields=("subject_number", "usubjid"))


class VitalSignOfPatientFilter(django_filters.FilterSet):
    """By code and by the time of measurement."""

    code = django_filters.ChoiceFilter(choices=v.VitalCode.choices)
    since = SinceFilter(date="measured", earliest="measured_earliest")
    until = UntilFilter(date="measured", earliest="measured_earliest")


class VitalSignFilter(VitalSignOfPatientFilter):
    """By place and person too."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    status = django_filters.ChoiceFilter(choices=v.ReadingStatus.choices)


class EproReportFilter(django_filters.FilterSet):
    """By disposition, and by how far the pipeline has come."""

    disposition = django_filters.ChoiceFilter(choices=v.Disposition.choices)
    status = django_filters.ChoiceFilter(choices=v.ReportStatus.choices)


class QuarantineFilter(django_filters.FilterSet):
    """By place, person, what was sent and why it was set aside."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    resource = django_filters.ChoiceFilter(choices=v.UploadResource.choices)
    reason = django_filters.ChoiceFilter(choices=v.QuarantineReason.choices)


class FindingFilter(django_filters.FilterSet):
    """By place, person, rule, severity and state."""

    trial = ReferenceFilter(field_name="trial_id")
    site = ReferenceFilter(field_name="site_id")
    patient = ReferenceFilter(field_name="patient_id")
    rule = django_filters.CharFilter(max_length=80)
    severity = django_filters.ChoiceFilter(choices=v.FindingSeverity.choices)
    state = django_filters.ChoiceFilter(choices=v.FindingState.choices)
