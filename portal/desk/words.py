"""Stored codes as a reader says them: roles, kinds of record, and phrases with underscores."""

import re
from functools import cache
from typing import Any

from django.apps import apps
from django.utils.translation import gettext

from portal.access.roles import ROLES

# Fields that hold the id of a row without being a reference to it.
PLACES = frozenset({"trial_id", "site_id", "patient_id"})
# Fields that hold a code of ours without a list of choices; others are what somebody wrote.
CODES = frozenset(
    {
        "acted_role",
        "action",
        "action_taken",
        "causality",
        "dechallenge",
        "ethnicity",
        "field",
        "item",
        "kind",
        "owner_role",
        "rechallenge",
        "record_type",
        "resource",
        "role",
        "rule",
    }
)
_ROLES = frozenset({"acted_role", "owner_role", "role"})
_RECORDS = frozenset({"record_type", "resource"})
_CODE = re.compile(r"[a-z][a-z0-9]*(?:[_.][a-z][a-z0-9]*)*")


def spoken(code: str, field: str = "") -> str:
    """Return a code in words, in the reader's language; what is no code stays as it is."""
    if field in _ROLES:
        return ", ".join(str(ROLES[one].name) if one in ROLES else one for one in code.split())
    if not _CODE.fullmatch(code):
        return code
    if field in _RECORDS and code in _records():
        return str(_records()[code]._meta.verbose_name)
    phrase = re.sub(r"[_.]", " ", code)
    for said in (phrase, phrase.capitalize()):
        if gettext(said) != said:
            return gettext(said)
    return phrase


def record_named(resource: str) -> Any:
    """Return the model of a resource name; None for a name of none."""
    return _records().get(resource)


def snake(name: str) -> str:
    """Return the resource name of a model: AdverseEvent is adverse_event."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@cache
def _records() -> dict[str, Any]:
    return {snake(model.__name__): model for model in apps.get_models()}
