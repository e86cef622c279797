"""The desk's page of who a patient is: each look is recorded, each change has its reason."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
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
from portal.core.errors import InvalidInput, NotFound, Unavailable
from portal.core.partial_dates import NotADate, PartialDateTime
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import ReasonForm, SetupAdmin
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
    default_error_messages = {"lines": _("Write one “kind: value” on each line.")}

    def clean(self, value: Any) -> dict[str, str]:
        """Return values by kind. Raises: ValidationError, which repeats nothing."""
        found: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            kind, colon, rest = (part.strip() for part in line.partition(":"))
            if not line.strip():
                continue
            if not colon or not kind or not rest or kind in found:
                raise ValidationError(self.error_messages["lines"], code="lines")
            found[kind] = rest
        return found


class BornField(forms.CharField):
    """A date of birth, as exact as it is known."""

    def clean(self, value: Any) -> Any:
        """Return the date. Raises: ValidationError."""
        text = super().clean(value)
        try:
            return PartialDateTime(text) if text else None
        except NotADate as error:
            raise ValidationError(error.detail, code=error.code) from None


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
        widget=forms.Textarea(attrs=_LINE),
    )
    erase = forms.ChoiceField(
        label=_("Erase for ever"),
        choices=[("", "—"), *ErasedPart.choices],
        required=False,
        help_text=_("From history too. The pseudonymous data of the trial stay."),
    )
    basis = forms.ChoiceField(
        label=_("Legal basis"), choices=[("", "—"), *ErasureBasis.choices], required=False
    )


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
    list_display = ("id", "institution", "created_at", "contact_erased_at", "erased_at")
    list_select_related = ("institution",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may write the patient's data and know who they are."""
        return super().has_add_permission(request) and self.has_view_permission(request)

    def render_change_form(
        self, request: Any, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show who it is to those who may know, and record that they looked."""
        if obj is not None and request.method == "GET":
            context.update(_looked(obj, request.user))
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
                raise NotFound(gettext("There is no such patient here."))
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
        if data or not basis:
            raise InvalidInput(gettext("Erase, with the legal basis, and change nothing else."))
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
    told = {
        _("patient"): patient.subject_number,
        _("name"): data.name,
        _("date of birth"): data.birth_date.text if data.birth_date else None,
        _("contact"): _lines(data.contact),
        _("identifiers"): _lines(data.identifiers),
    }
    return {"opened": [{"title": title, "text": text or "–"} for title, text in told.items()]}


def _lines(values: Any) -> str:
    return "\n".join(f"{kind}: {value}" for kind, value in values.items())


def link_to_identity(patient: Any, user: Any) -> tuple[str, str] | None:
    """Return name of address and argument of the page of who the patient is, for who may know."""
    if not may(user, P.IDENTITY_VIEW, patient):
        return None
    found = models.PatientIdentity.objects.filter(patient=patient).first()
    return ("change", str(found.identity_id)) if found else ("add", patient.usubjid)


site.register(models.Identity, IdentityAdmin)
for _model in (models.IdentityKey, models.PatientIdentity):
    site.register(_model, derived(_model, P.IDENTITY_VIEW, Group.PATIENTS))
