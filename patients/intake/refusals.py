"""What is wrong with a body, in the words and codes of the rest of the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from patients.intake.serializers import (
    BatchSerializer,
    EproReportSerializer,
    VitalsUploadSerializer,
)
from patients.vocabulary import UploadResource
from portal.api.errors import MalformedBody, problem_of
from portal.api.parsers import loads
from portal.api.problems import Problem
from portal.core.errors import FieldError

# What is no JSON at all, or too much of it, is not kept.
_NOT_KEPT = frozenset({"malformed_json", "not_a_number", "too_many_members"})
_FORMS: dict[UploadResource | None, Any] = {
    UploadResource.EPRO_REPORT: EproReportSerializer,
    UploadResource.VITALS_UPLOAD: VitalsUploadSerializer,
    None: BatchSerializer,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused body: what to answer, and what the quarantine should know of it."""

    problem: Problem
    is_kept: bool = True
    patient: str | None = None
    submission_id: str | None = None


def explain(body: bytes, resource: UploadResource | None, received_at: datetime) -> Refusal:
    """Return why a body is refused, in the language that is active. None stands for a batch."""
    try:
        value = loads(body)
    except MalformedBody as error:
        return Refusal(problem_of(error), is_kept=error.code not in _NOT_KEPT)
    form = _FORMS[resource](data=value, context={"received_at": received_at})
    try:
        form.is_valid(raise_exception=True)
    except ValidationError as error:
        problem = problem_of(error)
    else:
        problem = Problem(400, "invalid", _("Some parts of the request are not valid."))
    return Refusal(
        problem, patient=_id(value, "patient"), submission_id=_id(value, "submission_id")
    )


def missing_patient() -> Refusal:
    """Return the refusal of readings that name neither a patient nor a gateway's devices."""
    error = FieldError("/patient", "required", _("This field is required."))
    return Refusal(Problem(400, "invalid", _("Some parts of the request are not valid."), (error,)))


def _id(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    field = EproReportSerializer().fields[name]
    try:
        return str(field.run_validation(found))
    except ValidationError:
        return None
