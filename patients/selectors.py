"""Reads that the edges share."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from patients.models import (
    AbstractFinding,
    DataFinding,
    EproReport,
    PatientSite,
    ProtectedFinding,
    VitalSign,
)
from patients.vocabulary import Disposition
from portal.access.permissions import Permission
from portal.access.scoping import Transfer, scope, transfers, visible
from portal.accounts.models import User


@transfers
def transfers_of(sites: frozenset[UUID]) -> Iterator[Transfer]:
    """Yield the patients who left one of `sites` or came to it from another."""
    ended = PatientSite.objects.filter(to_at__isnull=False).exclude(site=F("patient__site"))
    concerned = ended.filter(Q(site__in=sites) | Q(patient__site__in=sites))
    for patient, left, at in concerned.values_list("patient", "site", "patient__site"):
        yield Transfer(patient, left, at)


def outside_consent() -> QuerySet[EproReport]:
    """Return the reports sealed from display and export until a named person decides.

    Their readings and answers are stored, and safety rules run on them all the same.
    """
    return EproReport.objects.filter(disposition=Disposition.OUTSIDE_CONSENT)


def vital_signs() -> QuerySet[VitalSign]:
    """Return the vital signs that may be shown, each with its patient's subject number."""
    sealed = Exists(outside_consent().filter(pk=OuterRef("report_id")))
    return VitalSign.objects.filter(~sealed).annotate(subject_number=F("patient__subject_number"))


def findings_for(user: User) -> tuple[QuerySet[AbstractFinding], ...]:
    """Return the findings in scope: the open ones, and for the unblinded the protected ones.

    Where the second part is present, it must be read inside access.unblinded().
    """
    parts: list[QuerySet[AbstractFinding]] = []
    if not scope(user, Permission.DATA_FINDING_VIEW).is_empty:
        parts.append(visible(DataFinding.objects.all(), user, Permission.DATA_FINDING_VIEW))
        # Protected findings are findings first: both permissions are needed where they lie.
        if not scope(user, Permission.ALLOCATION_VIEW).is_empty:
            held = visible(ProtectedFinding.objects.all(), user, Permission.DATA_FINDING_VIEW)
            parts.append(visible(held, user, Permission.ALLOCATION_VIEW))
    return tuple(parts)
