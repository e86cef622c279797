"""Who may read which part of the trail: acts by their trial and site, changes by their record.

What is protected leaves a trail that is protected likewise (domain.md 6).
"""

import re

from django.db.models import Model, Q, QuerySet

from portal.access.permissions import Permission
from portal.access.scoping import Scope, scope
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.core.models import SCHEMA_OF

PROTECTED = "allocation"


def resource_of(model: type[Model]) -> str:
    """Return the resource name of a model: AdverseEvent is adverse_event."""
    return _snake(model.__name__)


def protected_resources() -> list[str]:
    """Return the resources whose audit entries are protected like themselves."""
    return [
        _snake(label.partition(".")[2])
        for label, schema in SCHEMA_OF.items()
        if schema == PROTECTED
    ]


def visible_entries(user: User) -> QuerySet[AuditEntry]:
    """Return the acts that `user` may read; those about protected facts to the unblinded alone."""
    held = scope(user, Permission.AUDIT_ENTRY_VIEW)
    unblinded = scope(user, Permission.ALLOCATION_VIEW)
    rows = AuditEntry.objects.filter(_within(held))
    is_open = ~Q(resource__in=protected_resources())
    return rows.filter(is_open | _within(unblinded))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _within(held: Scope) -> Q:
    if held.is_empty:
        return Q(pk__in=[])
    if held.everywhere:
        return Q()
    return Q(trial_id__in=held.trials) | Q(site_id__in=held.sites)
