"""Who had access to single patients, from history: shares, caregivers, the patients themselves."""

from collections.abc import Iterator
from uuid import UUID

from patients.models import Caregiver, Patient, PatientShare
from portal.access import reports
from portal.access.reports import Access, Window, versions


@reports.source
def access_of_shares(period: Window, trial: UUID | None) -> Iterator[Access]:
    """Yield the patients that were shared during `period`."""
    patients = _patients(trial)
    for row, recorded in versions(PatientShare, period):
        held = Window(row.from_at, row.to_at).common(recorded)
        if held is None or row.patient_id not in patients:
            continue
        yield Access(
            person=row.person_id,
            via="share",
            what=" ".join(row.permissions),
            scope="patient",
            place=row.patient_id,
            place_name=patients[row.patient_id],
            window=held,
            granted_by=row.granted_by_id,
            record=row.pgh_obj_id,
        )


@reports.source
def access_of_caregivers(period: Window, trial: UUID | None) -> Iterator[Access]:
    """Yield who cared for a patient during `period`."""
    patients = _patients(trial)
    for row, recorded in versions(Caregiver, period):
        held = Window(row.from_at, row.to_at).common(recorded)
        if held is not None and row.patient_id in patients:
            yield Access(
                person=row.person_id,
                via="caregiver",
                what=row.relation,
                scope="patient",
                place=row.patient_id,
                place_name=patients[row.patient_id],
                window=held,
                granted_by=row.granted_by_id,
                record=row.pgh_obj_id,
            )


@reports.source
def access_of_patients(period: Window, trial: UUID | None) -> Iterator[Access]:
    """Yield the accounts by which patients saw their own record."""
    patients = _patients(trial)
    for row, recorded in versions(Patient, period):
        if row.account_id is not None and row.pgh_obj_id in patients:
            yield Access(
                person=row.account_id,
                via="account",
                what="patient",
                scope="patient",
                place=row.pgh_obj_id,
                place_name=patients[row.pgh_obj_id],
                window=recorded,
                granted_by=row.acted_by,
                record=row.pgh_obj_id,
            )


def _patients(trial: UUID | None) -> dict[UUID, str]:
    rows = Patient.objects.all() if trial is None else Patient.objects.filter(trial_id=trial)
    named = rows.values_list("pk", "trial__number", "subject_number")
    return {pk: f"{number} {subject}" for pk, number, subject in named}
