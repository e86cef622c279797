"""Patients, and the facts of their participation."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from patients.models import (
    ClinicalFlag,
    Consent,
    ConsentDocument,
    ConsentPurpose,
    ConsentWithdrawal,
    Death,
    DispositionEvent,
    Patient,
    PatientProtocolVersion,
    PatientSite,
    ScreeningAttempt,
    TreatmentState,
)
from patients.rules.derived import Facts, Standing, standing_of
from patients.vocabulary import EntrySource, Participation
from portal.core.bulk import copy_in
from portal.demo.generator import records as r
from portal.demo.writing.cast import Cast
from portal.demo.writing.setup import Rows, base
from portal.demo_accounts import DEMO_PATIENTS


class Clinical:
    """Makes the columns that every clinical row has."""

    def __init__(self, demo: r.Demo) -> None:
        self._periods: dict[UUID, list[tuple[datetime, UUID]]] = defaultdict(list)
        for period in demo.of(r.PatientProtocolVersion):
            self._periods[period.patient_id].append((period.starts_at, period.protocol_version_id))

    def __call__(self, row: r.PatientRow) -> dict[str, Any]:
        """Return the columns of a row; the protocol version is the one in force at capture."""
        periods = self._periods[row.patient_id]
        version = periods[0][1]
        for starts_at, later in periods[1:]:
            if row.created_at >= starts_at:
                version = later
        return {
            "id": row.id,
            "created_at": row.created_at,
            "patient_id": row.patient_id,
            "site_id": row.site_id,
            "protocol_version_id": version,
            "entered_at": row.created_at,
            "entry_source": EntrySource.DEMO.value,
        }


def write_people(demo: r.Demo, cast: Cast, clinical: Clinical) -> None:
    """Write the patients and their participation."""
    states = states_of(demo)
    copy_in(ConsentDocument, _documents(demo))
    copy_in(ConsentPurpose, _purposes(demo))
    copy_in(Patient, _patients(demo, cast, states))
    copy_in(PatientSite, _stays(demo))
    copy_in(PatientProtocolVersion, _versions(demo, clinical))
    copy_in(ScreeningAttempt, _screenings(demo, clinical))
    copy_in(Consent, _consents(demo, cast, clinical))
    copy_in(ConsentWithdrawal, _withdrawals(demo, cast, clinical))
    copy_in(DispositionEvent, _dispositions(demo, clinical))
    copy_in(TreatmentState, _treatment_states(demo, clinical, states))
    copy_in(
        Death, ({**clinical(d), "died": d.died, "stated_by": d.source} for d in demo.of(r.Death))
    )
    copy_in(ClinicalFlag, _flags(demo, cast, clinical))


def states_of(demo: r.Demo) -> dict[UUID, Standing]:
    """Return the state of every patient."""
    ends: dict[UUID, dict[str, str]] = defaultdict(dict)
    for row in demo.of(r.Disposition):
        if row.category == "disposition_event":
            ends[row.patient_id][row.epoch] = row.term
        elif row.term in ("randomized", "enrolled"):
            ends[row.patient_id]["entered"] = row.term
    dead = {row.patient_id for row in demo.of(r.Death)}
    treated = {row.patient_id for row in demo.of(r.Exposure)}
    return {
        patient.id: _standing(ends[patient.id], patient.id in treated, patient.id in dead)
        for patient in demo.of(r.Patient)
    }


def _standing(ends: Mapping[str, str], is_treated: bool, is_dead: bool) -> Standing:
    end = ends.get("Treatment", "")
    return standing_of(
        Facts(
            entered=Participation(ends["entered"]) if "entered" in ends else None,
            ended=_ended(ends, end),
            is_exposed=is_treated,
            has_completed_treatment=end == "completed",
            is_dead=is_dead,
        )
    )


def _ended(ends: Mapping[str, str], end: str) -> Participation | None:
    if ends.get("Screening") == "screen_failure":
        return Participation.SCREEN_FAILED
    if end == "completed":
        return Participation.COMPLETED if "Follow-up" in ends else None
    if end == "lost_to_follow_up":
        return Participation.LOST_TO_FOLLOW_UP
    return Participation.DISCONTINUED if end else None


def _documents(demo: r.Demo) -> Rows:
    ethics = {
        (one.site_id, one.protocol_version_id): one.id
        for one in demo.of(r.SiteApproval)
        if one.kind == "ethics"
    }
    for row in demo.of(r.ConsentDocument):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "document_version": row.version,
            "language": row.language,
            "site_id": row.site_id,
            "approval_id": ethics[row.site_id, row.protocol_version_id],
            "effective_on": row.effective_on,
            "requires_reconsent": row.version != "1.0",
        }


def _purposes(demo: r.Demo) -> Rows:
    for row in demo.of(r.ConsentPurpose):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "document_id": row.document_id,
            "purpose": row.code,
            "is_required": row.required,
        }


def _patients(demo: r.Demo, cast: Cast, states: Mapping[UUID, Standing]) -> Rows:
    first = next(site.id for site in demo.of(r.Site) if site.number == 1)
    names = iter(DEMO_PATIENTS)
    facts = {row.patient_id: row for row in demo.of(r.Demographics)}
    for row in demo.of(r.Patient):
        person, state = facts[row.id], states[row.id]
        name = next(names, None) if row.site_id == first else None
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "site_id": row.site_id,
            "account_id": cast.accounts[name] if name else None,
            "usubjid": row.usubjid,
            "subject_number": row.subject_number,
            "participation": state.participation.value,
            "treatment": state.treatment.value,
            "vital_status": state.vital_status.value,
            "sex": person.sex,
            "age": Decimal(person.age),
            "birth_year": person.birth_year,
            "races": list(person.race),
            "ethnicity": person.ethnicity or "",
            "country": person.country,
            "missing_reasons": person.missing,
        }


def _stays(demo: r.Demo) -> Rows:
    for row in demo.of(r.PatientSite):
        yield {
            **base(row),
            "patient_id": row.patient_id,
            "site_id": row.site_id,
            "from_at": row.starts_at,
            "to_at": row.ends_at,
        }


def _versions(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.PatientProtocolVersion):
        yield {
            **clinical(row),
            "protocol_version_id": row.protocol_version_id,
            "from_at": row.starts_at,
            "to_at": row.ends_at,
        }


def _screenings(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.ScreeningAttempt):
        yield {
            **clinical(row),
            "number": row.number,
            "result": row.result,
            "criteria_failed": list(row.criteria_failed),
            "started": row.started,
            "ended": row.ended,
        }


def _consents(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    for row in demo.of(r.Consent):
        yield {
            **clinical(row),
            "document_id": row.document_id,
            "choices": row.choices,
            "signed_at": row.signed_at,
            "signer": row.signer,
            "obtained_by_id": cast.coordinator(row.site_id),
            "copy_given": row.copy_given,
        }


def _withdrawals(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    for row in demo.of(r.ConsentWithdrawal):
        yield {
            **clinical(row),
            "consent_id": row.consent_id,
            "purposes": list(row.purposes),
            "withdrawn_at": row.withdrawn_at,
            "recorded_by_id": cast.coordinator(row.site_id),
            "kept": row.kept,
        }


def _dispositions(demo: r.Demo, clinical: Clinical) -> Rows:
    trials = {site.id: site.trial_id for site in demo.of(r.Site)}
    epochs = {(epoch.trial_id, epoch.name): epoch.id for epoch in demo.of(r.Epoch)}
    for row in demo.of(r.Disposition):
        yield {
            **clinical(row),
            "category": row.category,
            "epoch_id": epochs[trials[row.site_id], row.epoch],
            "epoch_name": row.epoch,
            "term": row.term,
            "verbatim": row.verbatim,
            "occurred": row.occurred,
        }


def _treatment_states(demo: r.Demo, clinical: Clinical, states: Mapping[UUID, Standing]) -> Rows:
    """One state for each treated patient, since the last fact that decided it."""
    begun: dict[UUID, r.Exposure] = {}
    ended: dict[UUID, r.Disposition] = {}
    for row in demo.of(r.Exposure):
        begun.setdefault(row.patient_id, row)
    for row in demo.of(r.Disposition):
        if row.epoch == "Treatment":
            ended[row.patient_id] = row
    for patient_id, first in begun.items():
        end = ended.get(patient_id)
        row = end or first
        yield {
            **clinical(row),
            "id": demo.times.key(row.created_at, "treatment state", patient_id),
            "state": states[patient_id].treatment.value,
            "since": end.occurred if end else first.starts,
            "reason": end.verbatim if end else "",
        }


def _deaths(demo: r.Demo, clinical: Clinical) -> Rows:
    for row in demo.of(r.Death):
        yield {**clinical(row), "died": row.died, "stated_by": row.source}


def _flags(demo: r.Demo, cast: Cast, clinical: Clinical) -> Rows:
    for row in demo.of(r.ClinicalFlag):
        yield {
            **clinical(row),
            "kind": row.kind,
            "author_id": cast.investigator(row.site_id),
            "from_at": row.starts.earliest,
        }
