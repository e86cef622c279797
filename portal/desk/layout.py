"""How a record's page is laid out: what it says first, how it came here second."""

import re
from typing import Any

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.desk.words import spoken

_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
_CODE = re.compile(r"([a-z]+(_[a-z0-9]+)*\.)?[a-z]+(_[a-z0-9]+)+")
# Told under "Recorded", in this order, where the record has them.
_RECORDED = (
    "trial",
    "site",
    "protocol_version",
    "provenance",
    "imported_dataset",
    "imported_sequence",
    "imported_sponsor_id",
    "entered_at",
    "entry_source",
    "is_after_lock",
    "created_at_stamp",
    "version_stamp",
)
# A field's own way to be told: a column of the list with this ending.
TOLD_AS = ("_exact", "_facts", "_figure", "_mark", "_text", "_link")
_ONLY_WHEN_SAID = ("imported_dataset", "imported_sequence", "imported_sponsor_id", "is_after_lock")


def fieldsets_of(model_admin: Any, record: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Return the two groups of fields of a record's page."""
    by_name = {f.name: f for f in model_admin.opts.concrete_fields}
    said = [
        next(
            (f"{name}{ending}" for ending in TOLD_AS if hasattr(model_admin, f"{name}{ending}")),
            name,
        )
        for name, f in by_name.items()
        if name not in _RECORDED
        and f"{name}_stamp" not in _RECORDED
        and name not in model_admin.hidden
        and name != "source_record"
        and _is_shown(f)
    ]
    recorded = [
        f"{name}_link" if hasattr(model_admin, f"{name}_link") else name
        for name in _RECORDED
        if (
            name.removesuffix("_stamp") in by_name
            or (name == "provenance" and "source_record" in by_name)
        )
        and (name not in _ONLY_WHEN_SAID or (record is not None and getattr(record, name)))
    ]
    shown = [(None, {"fields": said})]
    return [*shown, (_("Recorded"), {"fields": recorded})] if recorded else shown


def _is_shown(field: Any) -> bool:
    if isinstance(field, models.BinaryField | models.GeneratedField):
        return False
    return field.editable and not field.primary_key


def is_key(value: object) -> bool:
    """Whether a value is the key of a row, which says nothing to a reader."""
    return isinstance(value, str) and bool(_KEY.match(value))


def name_of(record: models.Model) -> str:
    """Return a record's name, its codes in words; where keys are all it has, what it is."""
    name = str(record).strip()
    if not name or _KEY.search(name):
        return str(record._meta.verbose_name)
    return " ".join(spoken(word) if _CODE.fullmatch(word) else word for word in name.split(" "))


def title_of(record: models.Model) -> tuple[str, str]:
    """Return a record's name and, under it, what it is and whose."""
    kind = str(record._meta.verbose_name)
    kind = kind[:1].upper() + kind[1:]
    patient = getattr(record, "patient", None)
    whose = gettext("%(kind)s of patient %(patient)s") % {"kind": kind, "patient": patient}
    trial = getattr(record, "trial", None)
    where = gettext("%(kind)s of trial %(trial)s") % {"kind": kind, "trial": trial}
    below = whose if patient is not None else where if trial is not None else kind
    name = name_of(record)
    # Some rows are named by keys only, which say nothing to a reader.
    if name == record._meta.verbose_name:
        return below, ""
    return name if name == str(record).strip() else capfirst(name), below
