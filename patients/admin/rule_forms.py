"""The form of a risk rule's parameters, made from the closed form that its kind has."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _

from patients.rules.risk.parameters import PARAMETERS, Parameters
from patients.rules.vital_table import VITAL_CODES
from patients.vocabulary import RuleKind, VitalCode
from portal.desk.setup import ReasonForm

PREFIX = "parameter_"
# Name of a parameter: its words, and what to know about it.
_WORDS: Mapping[str, tuple[Any, Any]] = {
    "code": (_("Vital sign"), ""),
    "item": (_("Diary item"), _("As the instrument names it; * is every item marked for safety.")),
    "direction": (_("Alert when"), ""),
    "set": (_("Alert from"), _("In the unit of the vital sign, or points of the item.")),
    "reset": (_("Over again at"), _("On the good side of the first value.")),
    "minimum_minutes": (_("For at least (minutes)"), _("0: at the first value.")),
    "median_of": (
        _("Median of so many values"),
        _("Artifacts: a single odd value among three or five does not count."),
    ),
    "worse_by": (_("Alert again when worse by"), ""),
    "again_after_hours": (_("Alert again after (hours)"), ""),
    "baseline_count": (_("Values that make the baseline"), _("The patient's first ones.")),
    "is_percent": (_("Change in percent of the baseline"), ""),
    "limit": (_("Largest change that a body can make"), ""),
    "within_minutes": (_("Within (minutes)"), ""),
    "above": (_("Answer above"), _("Empty: any answer.")),
    "aggregate": (_("NEWS2 of at least"), ""),
    "single_three": (_("Also three points in one parameter"), ""),
    "in_a_row": (_("Diaries missing in a row"), ""),
    "instrument": (_("Instrument"), _("Empty: any.")),
    "acknowledge_within_minutes": (
        _("To be acknowledged within (minutes)"),
        _("After that the alert is overdue."),
    ),
    "acute_within_minutes": (
        _("Acute within (minutes)"),
        _("Older values alert once, as reported late."),
    ),
    "age_from": (_("From the age of (years)"), _("Empty: any age.")),
    "age_below": (_("Below the age of (years)"), _("Empty: no limit.")),
    "may_be_adverse_event": (
        _("Put before a physician as a possible adverse event"),
        "",
    ),
}
_CHOICES: Mapping[str, Any] = {"above": _("above"), "below": _("below")}
_TEXT = {"class": "vTextField"}
_COMMON = frozenset(Parameters.__struct_fields__)
# What a rule looks at is asked before how.
_FIRST = ("code", "item")


class ParametersForm(ReasonForm):
    """A form that also asks for parameters, each at a field of its own."""

    def field_at(self, pointer: str) -> str:
        """Return the field of a parameter."""
        return pointer.replace("parameters/", PREFIX)


def parameter_names(kind: str) -> tuple[str, ...]:
    """Return the fields that ask for the parameters of a kind, its own ones first."""
    named = PARAMETERS[RuleKind(kind)].__struct_fields__
    own = [name for name in named if name in _FIRST]
    own += [name for name in named if name not in (*_FIRST, *_COMMON)]
    common = [name for name in named if name in _COMMON]
    return tuple(PREFIX + name for name in (*own, *common))


def parameter_fields(kind: str, said: Mapping[str, Any]) -> dict[str, forms.Field]:
    """Return the form fields of the parameters of a kind, filled with what is said."""
    struct = PARAMETERS[RuleKind(kind)]
    hints = get_type_hints(struct)
    made = {}
    for one in msgspec.structs.fields(struct):
        default = None if one.default is msgspec.NODEFAULT else one.default
        field = _field(one.name, hints[one.name], is_required=one.required)
        held = said.get(one.name, default)
        # A choice is told and compared as text.
        field.initial = str(held) if isinstance(field, forms.ChoiceField) else held
        made[PREFIX + one.name] = field
    return made


def _field(name: str, hint: Any, *, is_required: bool) -> forms.Field:
    label, help_text = _WORDS[name]
    said = {"label": label, "help_text": help_text}
    inner = [part for part in get_args(hint) if part is not type(None)]
    may_be_empty = type(None) in get_args(hint)
    hint = inner[0] if may_be_empty else hint
    said["required"] = is_required and not may_be_empty
    if hint is bool:
        return forms.BooleanField(**{**said, "required": False})
    if name == "code":
        codes = [code for code in VitalCode if VITAL_CODES[code].is_numeric]
        blank = [] if said["required"] else [("", "—")]
        return forms.ChoiceField(choices=[*blank, *((c.value, c.label) for c in codes)], **said)
    if get_origin(hint) is Literal:
        choices = [(str(one), _CHOICES.get(one, one)) for one in get_args(hint)]
        return forms.ChoiceField(choices=choices, **said)
    if hint is int:
        return forms.IntegerField(**said)
    if hint is Decimal:
        return forms.DecimalField(**said)
    return forms.CharField(max_length=60, widget=forms.TextInput(_TEXT), **said)


def parameters_of(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a form says, as JSON keeps them; what is empty is left out."""
    struct = PARAMETERS[RuleKind(kind)]
    hints = get_type_hints(struct)
    told: dict[str, Any] = {}
    for one in msgspec.structs.fields(struct):
        value = data[PREFIX + one.name]
        if value in (None, ""):
            # Where empty is not the default, empty has to be said: a rule for any age.
            if type(None) in get_args(hints[one.name]) and one.default is not None:
                told[one.name] = None
            continue
        told[one.name] = _plain(value, hints[one.name])
    return told


def _plain(value: Any, hint: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if get_origin(hint) is Literal and all(isinstance(one, int) for one in get_args(hint)):
        return int(value)
    return value
