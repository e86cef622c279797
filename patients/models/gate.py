"""What judges a patient's uploads of today, in one row."""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.access.scoping import AccessPaths
from portal.core.triggers import GuardedLookup, GuardedTrigger, gate_keeper, share


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

    Open while consent holds, participation has not ended and the site is not closed, for what was
    written strictly between `from_at` and `to_at` (None: no limit). Within these no fact about the
    patient begins or ends, so that one look says what five would. It knows, too, which sessions of
    the patient's phones count. Any other upload is judged by the facts themselves.
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
    # The phones' sessions that count, of whom each is and when it ends: three lists side by side,
    # those that end last, eight at most.
    sessions = ArrayField(models.UUIDField(), null=True, verbose_name=_("sessions"))
    persons = ArrayField(models.UUIDField(), null=True, verbose_name=_("people"))
    ends_at = ArrayField(models.DateTimeField(), null=True, verbose_name=_("expires"))

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


def keep_gates(
    whose: str = "r.patient_id", joined: str = "", came: str = "", became: str = ""
) -> list[GuardedTrigger]:
    """The triggers of a table of facts behind gates; `whose` is the patient of a row `r` of it.

    `came` and `became` are done before, where a row was inserted or updated.
    """

    def people(rows: str) -> str:
        return f"SELECT {whose} FROM {rows} r {joined}"  # noqa: S608 - the code's own names

    kind = GuardedLookup if joined else GuardedTrigger
    new, old = people("new_values"), people("old_values")
    return [
        gate_keeper("inserted", pgtrigger.Insert, new, sides=_NEW, first=came, kind=kind),
        gate_keeper(
            "updated", pgtrigger.Update, f"{new} UNION {old}", sides=_BOTH, first=became, kind=kind
        ),
        gate_keeper("deleted", pgtrigger.Delete, old, sides=_OLD, kind=kind),
    ]


def keep_gates_of_stays() -> list[GuardedTrigger]:
    """The triggers of the stays. Who closes a site looks for the patients who are, or were, there:
    whoever comes meanwhile waits for them, or they for whoever comes.
    """
    came, became = _share_sites("r.id, r.patient_id, r.site_id")
    return keep_gates(came=came, became=became)


def keep_gates_of_patients() -> list[GuardedTrigger]:
    """The triggers of the patients themselves; most of what changes of one changes no gate."""
    came, became = _share_sites("r.id, r.site_id")
    new = "SELECT n.id FROM new_values n"
    return [
        gate_keeper("inserted", pgtrigger.Insert, new, sides=_NEW, first=came, kind=GuardedTrigger),
        gate_keeper(
            "updated",
            pgtrigger.Update,
            _OF_PATIENTS,
            sides=_BOTH,
            first=became,
            kind=GuardedTrigger,
        ),
    ]


def _share_sites(named: str) -> tuple[str, str]:
    """Return what locks the sites that inserted rows name, and those that updated rows now name."""
    now_named = (
        f"SELECT b.site_id FROM (SELECT {named} FROM new_values r "  # noqa: S608 - our names
        f"EXCEPT SELECT {named} FROM old_values r) b"
    )
    return (
        share("trials_site", "SELECT r.site_id FROM new_values r"),
        share("trials_site", now_named),
    )
