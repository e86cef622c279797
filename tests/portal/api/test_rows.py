"""Rows of lists are told exactly as the serializer tells a record."""

import json
from typing import Any

import pytest

from events.api.views import AdverseEventViewSet
from patients.api.views import FindingViewSet, PatientViewSet, VitalSignViewSet
from portal.api.renderers import JSONRenderer
from portal.api.rows import plan_of
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.partial_dates import PartialDateTime
from tests.access.world import World, make_adverse_event, make_vital
from trials.api.views import ArmViewSet, SiteViewSet, TrialViewSet, VisitPlanViewSet

pytestmark = pytest.mark.usefixtures("undone")


def _json(value: Any) -> Any:
    return json.loads(JSONRenderer().render(value))


@pytest.mark.parametrize(
    "view",
    [
        AdverseEventViewSet,
        ArmViewSet,
        FindingViewSet,
        PatientViewSet,
        SiteViewSet,
        TrialViewSet,
        VisitPlanViewSet,
        VitalSignViewSet,
    ],
)
def test_a_row_of_a_list_is_the_record_as_serialized(world: World, view: Any) -> None:
    patient, zoned = world.patients[0], PartialDateTime("2013-05-17T08:30:00+02:00", "Europe/Paris")
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        make_vital(patient, code="consciousness", value=None, unit="", coded_value="A")
        make_vital(patient, code="supplemental_oxygen", value=None, unit="", coded_value="true")
        make_vital(patient, value=None, unit="", not_done_reason="Asleep", measured=None)
        make_vital(patient, value="37.500000", measured=zoned, flags=["late"], position="sitting")
        make_adverse_event(patient, number=50, onset=zoned, severity="mild", death="yes")
        make_adverse_event(patient, number=51, onset=None, severity_grade=3)
    rows = view.queryset.all().order_by("id")
    told = plan_of(view.serializer_class).tell(plan_of(view.serializer_class).narrow(rows))
    assert _json(told) == [_json(view.serializer_class(record).data) for record in rows]
    assert told
