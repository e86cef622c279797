"""What shares and caregivers have in common: a patient is entrusted to a person, until it ends."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext_noop

from patients.models import Patient
from portal.access.permissions import Permission
from portal.accounts.models import User
from portal.api.fields import StrictSerializer
from portal.api.reasons import OnlyReasonSerializer
from portal.api.views import ListMixin, NestedMixin, ScopedViewSet
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core.errors import FieldError, InvalidInput


def person_named(call: Call) -> User:
    """Return the person that the body names. Raises: InvalidInput."""
    person = User.objects.filter(pk=call.body["person"], is_active=True).first()
    if person is None:
        told = gettext_noop("There is no such account.")
        raise InvalidInput(errors=(FieldError("/person", "unknown", told),))
    return person


def entrusting(form: type[StrictSerializer], perform: Callable[[Call], Any]) -> Mapping[str, Write]:
    """Return the write by which the patient above is entrusted to a person."""
    return {"create": Write(form=form, perform=perform, on=On.ABOVE, status=201, needs_reason=True)}


def ending(perform: Callable[[Call], Any]) -> Mapping[str, Write]:
    """Return the write by which that ends now."""
    return {
        "end": Write(
            form=OnlyReasonSerializer,
            perform=perform,
            needs_reason=True,
            seen_by=Permission.ASSIGNMENT_VIEW,
        )
    }


class EntrustedViewSet(WriteMixin, NestedMixin, ListMixin, ScopedViewSet):
    """To whom the patient above is entrusted."""

    parent = Patient.objects.all()
    parent_permission = Permission.PATIENT_VIEW
    parent_field = "patient"
