"""The desk's page of who a patient is: each look is recorded, each change has its reason."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.services.identities import (
    amend_identity,
    erase_identity,
    read_identity,
    record_identity,
)
from patients.services.personal_data import PersonalData
from patients.vocabulary import ErasedPart, ErasureBasis, IdentityPurpose
from portal.access.permissions import Permission as P
from portal.access.scoping import may, visible
from portal.core import clock
from portal.core.errors import FieldError, NotFound, Unavailable
from portal.core.partial_dates import NotADate, PartialDateTime
from portal.desk.columns import NOTHING
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import REASON, ReasonForm, SetupAdmin
from portal.desk.site import site

_LINE = {"rows": 3, "autocomplete": "off", "class": "vLargeTextField"}
_TEXT = {"autocomplete": "off", "class": "vTextField"}
# Field of the form -> part of the identity.
_PARTS = {
    "full_name": "name",
    "born": "birth_date",
    "contacts": "contact",
    "numbers": "identifiers",
}


class LinesField(forms.CharField):
    """One `kind: value` on each line."""

    widget = forms.Textarea
    default_error_messages = {
        "lines": _("Write one “kind: value” on each line."),
        "twice": _("The same is named on two lines: keep one of them."),
    }

    def clean(self, value: Any) -> dict[str, str]:
        """Return values by kind. Raises: ValidationError, which repeats nothing."""
        found: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            kind, colon, rest = (part.strip() for part in line.partition(":"))
            if not line.strip():
                continue
            if not colon or not kind or not rest:
                raise ValidationError(self.error_messages["lines"], code="lines")
            if kind in found:
                raise ValidationError(self.error_messages["twice"], code="twice")
            found[kind] = rest
        return found


class BornField(forms.CharField):
    """A date of birth, as exact as it is known."""

    default_error_messages = {
        "day": _("Write a year, a month or a day: 1931, 1931-07, 1931-07-29.")
    }

    def clean(self, value: Any) -> Any:
        """Return the date. Raises: ValidationError."""
        text = super().clean(value)
        try:
            born = PartialDateTime(text) if text else None
        except NotADate:
            born = None
        if text and (born is None or "T" in text):
            raise ValidationError(self.error_messages["day"], code="day")
        return born


class IdentityForm(ReasonForm):
    """Who a patient is; when it is changed, what is left empty stays as it is."""

    # Asked when an identity is recorded; a form declares its fields for both of its uses.
    usubjid = forms.CharField(label=_("unique subject identifier"), max_length=100, required=False)
    full_name = forms.CharField(
        label=_("name"), required=False, max_length=1000, widget=forms.TextInput(attrs=_TEXT)
    )
    born = BornField(
        label=_("date of birth"),
        required=False,
        help_text=_("As exact as known: 1931, 1931-07 or 1931-07-29."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    contacts = LinesField(
        label=_("contact"),
        required=False,
        help_text=_("One “kind: value” on each line, such as “phone: +33 1 23 45 67 89”."),
        widget=forms.Textarea(attrs=_LINE),
    )
    numbers = LinesField(
        label=_("identifiers"),
        required=False,
        help_text=_("One “issuer: number” on each line."),
        error_messages={"lines": _("Write one “issuer: number” on each line.")},
        widget=forms.Textarea(attrs=_LINE),
    )
    erase = forms.ChoiceField(
        label=_("What to erase"), choices=[("", "—"), *ErasedPart.choices], required=False
    )
    basis = forms.ChoiceField(
        label=_("Legal basis"), choices=[("", "—"), *ErasureBasis.choices], required=False
    )

    def field_at(self, pointer: str) -> str:
        """Return the field in which a part of the identity is typed."""
        return next((name for name, part in _PARTS.items() if part == pointer), pointer)

    def clean(self) -> dict[str, Any] | None:
        """Erasing stands alone, and names its legal basis."""
        cleaned = super().clean()
        part, basis = self.cleaned_data.get("erase"), self.cleaned_data.get("basis")
        if part and not basis:
            self.add_error("basis", _("Choose on which legal basis it is erased."))
        if basis and not part:
            self.add_error("erase", _("Choose what to erase, or leave the legal basis empty."))
        if part and set(_PARTS) & set(self.changed_data):
            self.add_error("erase", _("Erase without changing anything else in the same step."))
        return cleaned


class IdentityAdmin(SetupAdmin):
    """Identities: the list tells that one is recorded, its page tells which."""

    form: type[forms.ModelForm] = IdentityForm  # type: ignore[type-arg]
    change_form_template = "admin/patients/identity/change_form.html"
    view_permission = P.IDENTITY_VIEW
    add_permission = P.PATIENT_CHANGE
    change_permission = P.PATIENT_CHANGE
    group = Group.PATIENTS
    linked_lookups = ()
    added = ("usubjid", *_PARTS)
    changed = (*_PARTS, "erase", "basis")
    # The names of keys tell a reader nothing.
    hidden = ("key_id", "index_key_id")
    list_display = ("subject", "institution", "created_at", "contact_erased_at", "erased_at")
    list_select_related = ("institution",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name each person by their patient in the reader's scope."""
        links = visible(models.PatientIdentity.objects.all(), request.user, P.IDENTITY_VIEW)
        first = links.filter(identity=OuterRef("pk")).order_by("created_at", "pk")
        subject = Subquery(first.values("patient__subject_number")[:1])
        return super().get_queryset(request).annotate(subject_number=subject)

    @admin.display(description=_("patient"), ordering="subject_number")
    def subject(self, row: Any) -> Any:
        """Whose identity it is, by subject number."""
        return row.subject_number

    def title_of(self, record: Any) -> tuple[str, str]:
        """Return whose identity it is."""
        patient = getattr(record, "subject_number", None)
        return (
            (gettext("Identity of patient %s") % patient, "")
            if patient
            else (super().title_of(record))
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep what corrects apart from what erases."""
        shown = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return shown
        correct = {"fields": [*_PARTS], "description": _("What is left empty stays as it is.")}
        erase = {
            "fields": ["erase", "basis"],
            "description": _(
                "What is erased is gone from history too and cannot be brought back."
                " The pseudonymous data of the trial stay."
            ),
        }
        return [
            (_("Correct"), correct),
            (_("Erase for ever"), erase),
            (None, {"fields": [REASON]}),
            *shown[1:],
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may write the patient's data and know who they are."""
        return super().has_add_permission(request) and self.has_view_permission(request)

    def render_change_form(
        self, request: Any, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show who it is to those who may know, and record that they looked."""
        if obj is not None:
            looked = _looked(obj, request.user)
            # A form that was sent says itself that the key is missing.
            context.update(looked if request.method == "GET" else looked | {"unopened": ""})
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """The right to write is asked at the patient."""
        return data["usubjid"]

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Name the patient by what is typed, within the reader's scope."""
        if not change:
            patients = visible(models.Patient.objects.all(), request.user, P.IDENTITY_VIEW)
            found = patients.filter(usubjid=form.cleaned_data["usubjid"].strip())
            if len(found) != 1:
                missing = FieldError("usubjid", "not_found", "There is no such patient here.")
                raise NotFound(errors=[missing])
            form.cleaned_data["usubjid"] = found[0]
        super().save_model(request, obj, form, change)

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Record who a patient is."""
        patient = data.pop("usubjid")
        parts = {_PARTS[name]: value for name, value in data.items() if value}
        return record_identity(patient=patient, data=PersonalData(**parts), **acting)

    def change(self, record: Any, data: dict[str, Any], **acting: Any) -> Any:
        """Change the parts that were typed, or erase."""
        patient = _patient_of(record, acting["by"])
        part, basis = data.pop("erase", ""), data.pop("basis", "")
        if not part:
            changes = {_PARTS[name]: value for name, value in data.items()}
            return amend_identity(patient=patient, changes=changes, **acting)
        return erase_identity(
            patient=patient, part=ErasedPart(part), basis=ErasureBasis(basis), **acting
        )


def _patient_of(identity: Any, user: Any) -> Any:
    links = models.PatientIdentity.objects.filter(identity=identity).select_related("patient")
    link = visible(links, user, P.IDENTITY_VIEW).order_by("created_at", "pk").first()
    if link is None:
        raise NotFound()
    return link.patient


def _looked(identity: Any, user: Any) -> dict[str, Any]:
    patient = _patient_of(identity, user)
    try:
        data = read_identity(patient=patient, by=user, at=clock.now(), purpose=IdentityPurpose.CARE)
    except Unavailable as missing:
        return {"unopened": missing.detail}
    erased = _erased(identity.erased_at)
    told = {
        _("name"): data.name or erased,
        _("date of birth"): data.birth_date.text if data.birth_date else erased,
        _("contact"): _lines(data.contact) or _erased(identity.contact_erased_at),
        _("identifiers"): _lines(data.identifiers) or erased,
    }
    return {"opened": [{"title": title, "text": text or NOTHING} for title, text in told.items()]}


def _erased(at: datetime | None) -> str:
    return gettext("Erased on %s") % f"{at:%Y-%m-%d}" if at else ""


def _lines(values: Any) -> str:
    return "\n".join(f"{kind}: {value}" for kind, value in values.items())


def link_to_identity(patient: Any, user: Any) -> tuple[str, str] | None:
    """Return name of address and argument of the page of who the patient is, for who may know."""
    if not may(user, P.IDENTITY_VIEW, patient):
        return None
    found = models.PatientIdentity.objects.filter(patient=patient).first()
    return ("change", str(found.identity_id)) if found else ("add", patient.usubjid)


site.register(models.Identity, IdentityAdmin)
for _model, _told in (
    (models.IdentityKey, ("key_id", "created_at")),
    (models.PatientIdentity, ("patient", "created_at")),
):
    site.register(_model, derived(_model, P.IDENTITY_VIEW, Group.PATIENTS, list_display=_told))
