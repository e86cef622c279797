"""Observation sets at the desk: staff close a round, the portal scores it."""

from typing import Any

from patients import models
from patients.services.observation_sets import close_observation_set
from portal.access.permissions import Permission as P
from portal.desk.filters import scoped
from portal.desk.groups import Group
from portal.desk.setup import SetupAdmin
from portal.desk.site import site


class ObservationSetAdmin(SetupAdmin):
    """Rounds of observations with their NEWS2; closed once, scored by the portal."""

    view_permission = P.SCORE_VIEW
    add_permission = P.VITAL_SIGN_RECORD
    added = ("patient",)
    group = Group.SAFETY
    linked_lookups = ("patient",)
    list_display = (
        "patient",
        "closed_at",
        "aggregate",
        "band",
        "eligibility",
        "expires_at",
        "closed_by",
        "site",
    )
    list_filter = ("band", "eligibility", scoped("trial"), scoped("site"))
    list_select_related = ("patient", "closed_by", "site")
    search_fields = ("^patient__subject_number",)

    def anchor_of(self, data: dict[str, Any]) -> Any:
        """The right to close a set is asked at the patient."""
        return data["patient"]

    def create(self, data: dict[str, Any], **acting: Any) -> Any:
        """Close a round now."""
        return close_observation_set(patient=data["patient"], **acting)


site.register(models.ObservationSet, ObservationSetAdmin)
