"""Ladders and rosters: who is told next, and who is on duty."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.derived import derived
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site
from portal.notices.ladders import Rung
from portal.notices.vocabulary import Who
from trials import models
from trials.services import duty


class RungForm(ReasonForm):
    """Where on the ladder a new rung stands."""

    place = forms.IntegerField(
        label=_("Place on the ladder"),
        min_value=1,
        max_value=50,
        required=False,
        help_text=_("1: told first. Empty: at the end. Those behind it move down."),
    )


class LadderRungAdmin(SetupAdmin):
    """Rungs: whom to tell, how long to wait for them, how often to tell them again."""

    form: type[forms.ModelForm] = RungForm  # type: ignore[type-arg]
    view_permission = P.LADDER_VIEW
    add_permission = P.LADDER_CHANGE
    change_permission = P.LADDER_CHANGE
    group = Group.NOTICES
    added = ("ladder", "place", "who", "wait_minutes", "repeat_every_minutes", "most_repeats")
    changed = ("who", "wait_minutes", "repeat_every_minutes", "most_repeats")
    list_display = (
        "ladder",
        "order",
        "who",
        "wait_minutes",
        "repeat_every_minutes",
        "most_repeats",
        "is_in_use_mark",
    )
    list_filter = ("who", "is_in_use")
    list_select_related = ("ladder",)
    linked_lookups = ()

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A rung belongs to its ladder."""
        return data["ladder"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Put the rung on the ladder."""
        rung = Rung(
            Who(data["who"]),
            data["wait_minutes"],
            data["repeat_every_minutes"],
            data["most_repeats"],
        )
        return duty.add_rung(ladder=data["ladder"], rung=rung, order=data["place"], **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Change the rung."""
        return duty.change_rung(rung=record, **data, **acting)


def _ladder_choice(model_admin: Any, ladder: Any) -> str:
    """Return which ladder it is where it is one among many."""
    where = f"{ladder.trial} · {ladder.site}" if ladder.site_id else str(ladder.trial)
    return f"{where} · {ladder.get_kind_display()}"


class RosterShiftForm(ReasonForm):
    """Who is on duty, when, and under which number."""

    person = PersonField(label=_("Person (user name)"))
    end_now = forms.BooleanField(
        label=_("Take it off the roster"),
        required=False,
        help_text=_("From tomorrow on, by the site's clock."),
    )


class RosterShiftAdmin(SetupAdmin):
    """Rosters: no hour may be empty while risk rules alert."""

    form: type[forms.ModelForm] = RosterShiftForm  # type: ignore[type-arg]
    view_permission = P.ROSTER_VIEW
    add_permission = P.ROSTER_CHANGE
    change_permission = P.ROSTER_CHANGE
    is_everyday = True
    group = Group.NOTICES
    added = (
        "site",
        "person",
        "phone",
        "line",
        "weekdays",
        "from_time",
        "to_time",
        "from_on",
        "to_on",
    )
    changed = ("end_now",)
    list_display = ("site", "line", "person", "phone", "from_time", "to_time", "from_on", "to_on")
    list_filter = ("line", scoped("site"))
    list_select_related = ("site", "person")
    search_fields = ("^person__username", "person__display_name")
    search_help_text = _("Person")
    linked_lookups = ()

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """A shift belongs to its site."""
        return data["site"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Put somebody on the roster."""
        return duty.put_on_duty(**data, **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Take the shift off the roster."""
        return duty.end_shift(shift=record, **acting)


site.register(
    models.Ladder,
    derived(
        models.Ladder,
        P.LADDER_VIEW,
        Group.NOTICES,
        base=ScopedModelAdmin,
        linked_lookups=(),
        choice_label=_ladder_choice,
        choice_ordering=("trial__number", "site__code", "kind"),
    ),
)
site.register(models.LadderRung, LadderRungAdmin)
site.register(models.RosterShift, RosterShiftAdmin)
