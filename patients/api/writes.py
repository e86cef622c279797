"""From what is sent to the services of vital signs."""

from collections.abc import Mapping

from patients.api import forms
from patients.models import Patient, VitalSign
from patients.services.vital_signs import correct_vital_sign, record_vital_sign
from portal.access.permissions import Permission
from portal.api.writes import Call, Named, Write


def _record(call: Call) -> VitalSign:
    facts = {name: value for name, value in call.body.items() if name not in ("patient", "code")}
    return record_vital_sign(
        patient=call.record,
        code=call.body["code"],
        facts=facts,
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _correct(call: Call) -> VitalSign:
    return correct_vital_sign(
        vital_sign=call.record, facts=call.body, by=call.by, at=call.at, reason=call.reason
    )


WRITES: Mapping[str, Write] = {
    "create": Write(
        form=forms.RecordVitalSignSerializer,
        perform=_record,
        on=Named("patient", Patient.objects.all(), Permission.PATIENT_VIEW),
        status=201,
    ),
    "partial_update": Write(
        form=forms.CorrectVitalSignSerializer, perform=_correct, needs_reason=True
    ),
}
