"""Sponsors, institutions and trials."""

from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput
from portal.core.history import acting
from portal.core.models import VersionedModel
from trials.models import Institution, Sponsor, Trial
from trials.services.access import sync_access

M = TypeVar("M", bound=VersionedModel)


def create_sponsor(*, name: str, by: User, at: datetime, reason: str = "") -> Sponsor:
    """Create a sponsor. Raises: InvalidInput."""
    return save_checked(Sponsor(name=name, created_at=at), by=by, at=at, reason=reason)


def create_institution(
    *, name: str, country: str = "", by: User, at: datetime, reason: str = ""
) -> Institution:
    """Create an institution. Raises: InvalidInput."""
    institution = Institution(name=name, country=country, created_at=at)
    return save_checked(institution, by=by, at=at, reason=reason)


def create_trial(
    *,
    sponsor: Sponsor,
    number: str,
    title: str,
    blinding: str,
    by: User,
    at: datetime,
    reason: str = "",
    **facts: Any,
) -> Trial:
    """Create a trial with the usual ladders; whoever is assigned to its sponsor sees it at once.

    `facts` are further columns: phase, status, safety_zone, is_imported.
    Raises: InvalidInput.
    """
    # Ladders are saved by what stands below in this module.
    from trials.services.duty import ensure_usual_ladders

    trial = Trial(
        sponsor=sponsor, number=number, title=title, blinding=blinding, created_at=at, **facts
    )
    with acting(by=by, at=at, reason=reason):
        save_checked(trial, by=by, at=at, reason=reason)
        sync_access(at=at)
        ensure_usual_ladders(trial=trial, by=by, at=at)
    return trial


def save_checked(record: M, *, by: User, at: datetime, reason: str) -> M:
    """Check a set-up record against its fields and constraints, then save it.

    Raises: InvalidInput, naming each field.
    """
    with acting(by=by, at=at, reason=reason):
        try:
            record.full_clean()
        except ValidationError as error:
            raise InvalidInput(errors=tuple(_errors(error))) from None
        record.save()
    record.refresh_from_db()
    return record


def _errors(error: ValidationError) -> list[FieldError]:
    return [
        FieldError(
            "" if field == "__all__" else f"/{field}",
            str(getattr(part, "code", None) or "invalid"),
            " ".join(part.messages),
        )
        for field, parts in error.error_dict.items()
        for part in parts
    ]
