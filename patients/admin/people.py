"""The desk's lists of patients, their visits, consent and milestones."""

from typing import Any

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from patients import models
from patients.admin.common import BY_SUBJECT, PLACES, SUBJECT, SUBJECT_OR_DATE
from patients.admin.identity import link_to_identity
from patients.services.caregivers import assign_caregiver, end_caregiver
from patients.vocabulary import Participation, Relation, VitalStatus
from portal.access.permissions import Permission as P
from portal.desk.base import ClinicalAdmin
from portal.desk.columns import NOTHING, clinical_date, figure, plain, right_as_stored, state
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.setup import PersonField, ReasonForm, SetupAdmin
from portal.desk.site import site

_PARTICIPATION = {
    Participation.RANDOMIZED.value: "good",
    Participation.ENROLLED.value: "good",
    Participation.SCREENING.value: "notice",
    Participation.IN_FOLLOW_UP.value: "notice",
    Participation.SCREEN_FAILED.value: "blocked",
    Participation.DISCONTINUED.value: "caution",
    Participation.LOST_TO_FOLLOW_UP.value: "caution",
}


_ORDER = {group: index for index, group in enumerate(Group)}


class PatientAdmin(ClinicalAdmin):
    """Patients, by subject number; names are not here."""

    view_permission = P.PATIENT_VIEW
    group = Group.PATIENTS
    is_everyday = True
    linked_lookups = ()
    list_display = (
        "subject_number",
        "trial",
        "site",
        "participation_mark",
        "treatment",
        "vital_status_mark",
        "sex",
        "age_figure",
        "country",
    )
    list_filter = ("participation", "treatment", "vital_status", "sex", *PLACES)
    list_select_related = ("trial", "site")
    search_fields = ("^subject_number", "=usubjid")
    search_help_text = SUBJECT
    choice_ordering = ("subject_number",)
    change_form_template = "admin/patients/patient/change_form.html"
    participation_mark = state("participation", _PARTICIPATION)
    vital_status_mark = state("vital_status", {VitalStatus.DEAD.value: "danger"})

    def render_change_form(
        self, request: Any, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show the patient with links to the lists of their records."""
        context["record_links"] = [
            {"name": capfirst(model._meta.verbose_name_plural), "url": self._list_of(model, obj)}
            for model, model_admin in sorted(
                self.admin_site._registry.items(), key=lambda entry: _ORDER[entry[1].group]
            )
            if model_admin.is_everyday
            and "patient" in {f.name for f in model._meta.concrete_fields}
            and model_admin.has_view_permission(request)
        ]
        link = link_to_identity(obj, request.user) if obj is not None else None
        if link is not None:
            context["record_links"].append({"name": _("Identity"), "url": _identity_url(*link)})
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def _list_of(self, model: Any, patient: Any) -> str:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        return f"{reverse(name)}?patient__id__exact={patient.pk}"

    @admin.display(description=_("age at consent"), ordering="age")
    def age_figure(self, row: Any) -> str:
        """Age with its unit where that is not years."""
        if row.age is None:
            return NOTHING
        unit = (row.age_unit or "").lower()
        return f"{plain(row.age)}" if unit in ("", "years") else f"{plain(row.age)} {unit}"


def _identity_url(page: str, argument: str) -> str:
    if page == "add":
        return f"{reverse('admin:patients_identity_add')}?{urlencode({'usubjid': argument})}"
    return reverse("admin:patients_identity_change", args=[argument])


class VisitAdmin(ClinicalAdmin):
    """Visits."""

    view_permission = P.VISIT_VIEW
    group = Group.PATIENTS
    is_everyday = True
    list_display = (
        "patient",
        "name",
        "visit_number_figure",
        "kind",
        "contact",
        "started_as_given",
        "ended_as_given",
        "not_done_reason",
        "site",
        "trial",
    )
    list_filter = ("kind", "contact", *PLACES)
    list_select_related = ("patient", "site", "trial")
    search_fields = BY_SUBJECT
    search_help_text = SUBJECT_OR_DATE
    searched_date = "started"
    visit_number_figure = figure("visit_number", title=_("visit number"))
    started_as_given = clinical_date("started", title=_("started"))
    ended_as_given = clinical_date("ended", title=_("ended"), ordering="ended")


class CaregiverForm(ReasonForm):
    """Who cares for whom; without a user name an account is made."""

    person_name = PersonField(
        label=_("Person (user name)"),
        required=False,
        help_text=_("Empty: an account is made, whose name tells nothing of the person."),
    )
    end_now = forms.BooleanField(
        label=_("End it now"),
        required=False,
        help_text=_("The person loses the patient on their next request."),
    )


def _entrust(self: Any, data: dict[str, Any], **acting: Any) -> Any:
    return assign_caregiver(
        patient=data["patient"],
        person=data["person_name"],
        relation=Relation(data["relation"]),
        to_at=data["to_at"],
        **acting,
    )


def _take_back(self: Any, record: Any, data: dict[str, Any], **acting: Any) -> Any:
    return end_caregiver(caregiver=record, **acting)


site.register(models.Patient, PatientAdmin)
site.register(models.Visit, VisitAdmin)
for _model in (
    models.ScreeningAttempt,
    models.Death,
    models.PatientSite,
    models.PatientProtocolVersion,
):
    site.register(_model, derived(_model, P.PATIENT_VIEW, Group.PATIENTS))
site.register(
    models.DispositionEvent,
    derived(
        models.DispositionEvent,
        P.PATIENT_VIEW,
        Group.PATIENTS,
        is_everyday=True,
        codes=("category", "term"),
    ),
)
for _model in (models.Consent, models.ConsentWithdrawal):
    site.register(_model, derived(_model, P.CONSENT_VIEW, Group.PATIENTS, is_everyday=True))
for _model in (models.ConsentDocument, models.ConsentPurpose):
    site.register(_model, derived(_model, P.CONSENT_VIEW, Group.TRIALS))
site.register(
    models.MedicalHistory,
    derived(models.MedicalHistory, P.MEDICAL_HISTORY_VIEW, Group.PATIENTS, is_everyday=True),
)
site.register(
    models.PatientShare,
    derived(
        models.PatientShare,
        P.ASSIGNMENT_VIEW,
        Group.PEOPLE,
        list_select_related=("patient", "person", "granted_by"),
        search_fields=("^person__username", "^patient__subject_number"),
    ),
)
site.register(
    models.Caregiver,
    derived(
        models.Caregiver,
        P.ASSIGNMENT_VIEW,
        Group.PEOPLE,
        base=SetupAdmin,
        form=CaregiverForm,
        add_permission=P.PATIENT_ENTRUST,
        change_permission=P.PATIENT_ENTRUST,
        added=("patient", "person_name", "relation", "to_at"),
        changed=("end_now",),
        anchor_of=lambda self, data: data["patient"],
        create=_entrust,
        change=_take_back,
        list_select_related=("patient", "person", "granted_by"),
        search_fields=("^person__username", "^patient__subject_number"),
    ),
)
site.register(
    models.PatientUserPermission,
    derived(
        models.PatientUserPermission,
        P.ASSIGNMENT_VIEW,
        Group.PEOPLE,
        list_display=("user", "permission_text", "content_object", "valid_from", "valid_until"),
        list_select_related=("user", "permission", "content_object"),
        permission_text=right_as_stored,
        search_fields=("^user__username", "^permission__codename"),
    ),
)
