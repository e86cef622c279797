"""What judges a patient's uploads of today, in one row."""

from typing import Any

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.triggers import GuardedLookup, GuardedTrigger


def _place(model: str, name: Any) -> models.ForeignKey[Any]:
    return models.ForeignKey(
        model,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=name,
    )


class UploadGate(models.Model):
    """Where a patient's uploads go and under which protocol version, while nothing stands against.

    Open while consent holds and participation has not ended, for what was written strictly between
    `from_at` and `to_at` (None: no limit). Within these no fact about the patient begins or ends,
    so that one look says what five would. Any other upload is judged by the facts themselves.
    `keep_upload_gates` writes the row in the transaction that changes a fact, whoever changes it;
    nobody else does. It is derived, and has no history.
    """

    access_paths = AccessPaths(trial="trial_id", site="site_id", patient="patient_id")

    patient = models.OneToOneField(
        "patients.Patient",
        models.PROTECT,
        primary_key=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("patient"),
    )
    is_open = models.BooleanField(_("open"), default=False)
    trial = _place("trials.Trial", _("trial"))
    # Where the patient is now, and was within the limits: the same but after a move.
    site = _place("trials.Site", _("site"))
    captured_site = _place("trials.Site", _("site within the limits"))
    protocol_version = _place("trials.ProtocolVersion", _("protocol version"))
    from_at = models.DateTimeField(_("after"), null=True)
    to_at = models.DateTimeField(_("before"), null=True)

    class Meta:
        verbose_name = _("gate of uploads")
        verbose_name_plural = _("gates of uploads")

    def __str__(self) -> str:
        return str(self.patient_id)


_NEW = pgtrigger.Referencing(new="new_values")
_OLD = pgtrigger.Referencing(old="old_values")
_BOTH = pgtrigger.Referencing(old="old_values", new="new_values")
_OF_PATIENTS = """
    SELECT n.id FROM new_values n JOIN old_values o ON o.id = n.id
    WHERE (n.site_id, n.participation, n.vital_status)
        IS DISTINCT FROM (o.site_id, o.participation, o.vital_status)
"""


def keep_gates(whose: str = "r.patient_id", joined: str = "") -> list[GuardedTrigger]:
    """The triggers of a table of facts behind gates; `whose` is the patient of a row `r` of it."""

    def people(rows: str) -> str:
        return f"SELECT {whose} FROM {rows} r {joined}"  # noqa: S608 - the code's own names

    kind = GuardedLookup if joined else GuardedTrigger
    new, old = people("new_values"), people("old_values")
    return [
        _keeper(kind, "inserted", pgtrigger.Insert, new, _NEW),
        _keeper(kind, "updated", pgtrigger.Update, f"{new} UNION {old}", _BOTH),
        _keeper(kind, "deleted", pgtrigger.Delete, old, _OLD),
    ]


def keep_gates_of_patients() -> list[GuardedTrigger]:
    """The triggers of the patients themselves; most of what changes of one changes no gate."""
    return [
        _keeper(
            GuardedTrigger, "inserted", pgtrigger.Insert, "SELECT n.id FROM new_values n", _NEW
        ),
        _keeper(GuardedTrigger, "updated", pgtrigger.Update, _OF_PATIENTS, _BOTH),
    ]


def _keeper(
    kind: type[GuardedTrigger], name: str, operation: Any, people: str, sides: Any
) -> GuardedTrigger:
    return kind(
        name=f"gate_{name}",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=sides,
        func=f"PERFORM public.keep_upload_gates(ARRAY({people})); RETURN NULL;",
    )
