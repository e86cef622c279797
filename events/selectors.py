"""Reads that span safety events and the rest of a patient's record."""

from typing import Any
from uuid import UUID

from django.db.models import CharField, F, Model, QuerySet, Value
from django.db.models.functions import Cast

from events.models import AdverseEvent
from events.rules import NotAPhysician
from patients.models import Death, DispositionEvent, Exposure, Medication, Visit
from portal.access.permissions import Permission
from portal.access.scoping import scope, visible
from portal.accounts.models import User
from portal.core.errors import FieldError

# Kind, table, permission, the date and its earliest instant, and what to call it. Exposure has no
# words here: what was taken could tell which arm it was.
_TIMELINE: tuple[tuple[str, type[Model], Permission, str, str | None], ...] = (
    ("visit", Visit, Permission.VISIT_VIEW, "started", "name"),
    ("adverse_event", AdverseEvent, Permission.ADVERSE_EVENT_VIEW, "onset", "term"),
    ("disposition", DispositionEvent, Permission.PATIENT_VIEW, "occurred", "term"),
    ("death", Death, Permission.PATIENT_VIEW, "died", None),
    ("exposure", Exposure, Permission.EXPOSURE_VIEW, "started", None),
    ("medication", Medication, Permission.MEDICATION_VIEW, "started", "name"),
)
TIMELINE_KINDS = tuple(kind for kind, *_ in _TIMELINE)


def adverse_events() -> QuerySet[AdverseEvent]:
    """Return all adverse events, each with its patient's subject number."""
    return AdverseEvent.objects.annotate(subject_number=F("patient__subject_number"))


def timeline(patient: UUID, user: User) -> tuple[QuerySet[Any, Any], ...]:
    """Return what happened to the patient, one queryset a kind, with columns that agree."""
    return tuple(
        visible(table._default_manager.filter(patient=patient), user, permission).values(
            "id",
            # Names that no table has, for the columns must agree.
            what=Value(kind, output_field=CharField()),
            words=Cast(title, CharField()) if title else Value("", output_field=CharField()),
            happened=F(date),
            moment=F(f"{date}_earliest"),
            place=F("site_id"),
        )
        for kind, table, permission, date, title in _TIMELINE
        if not scope(user, permission).is_empty
    )


def person_named(pk: UUID) -> User:
    """Return the person whom a report names as its physician.

    Raises: NotAPhysician, the same for nobody and for somebody who judges nothing.
    """
    found = User.objects.filter(pk=pk, is_active=True).first()
    if found is None:
        raise NotAPhysician(errors=(FieldError("/judged_by", NotAPhysician.code, "judged_by"),))
    return found
