"""Who a patient is: written, read and found by those who treat them, and every look recorded."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from patients.models import Identity, IdentityKey, Patient, PatientIdentity
from patients.services.identity_keys import KEYS
from patients.services.personal_data import (
    COLUMNS,
    TABLE,
    PersonalData,
    check_personal_data,
    comparable_identifier,
    opened,
    sealed_row,
    stated_in,
)
from patients.vocabulary import ErasedPart, ErasureBasis, IdentityPurpose
from portal.access.permissions import Permission as P
from portal.access.scoping import may, visible
from portal.accounts.models import User
from portal.audit.record import Action, record
from portal.core.errors import FieldError, InvalidInput, NotFound, NotPermitted, RuleBroken
from portal.core.history import acting
from portal.core.ids import uuid7
from portal.core.sealed import blind_index, normalized

# Who may know a patient and is delegated to write their data may write who they are.
_CHANGE = (P.IDENTITY_VIEW, P.PATIENT_CHANGE)
_ERASE = (P.IDENTITY_VIEW, P.IDENTITY_ERASE)


class ReasonMissing(InvalidInput):
    """Say why the identity is changed."""

    code = "change_reason_required"


class AlreadyIdentified(RuleBroken):
    """This patient's identity is recorded already; amend it."""

    code = "already_identified"


class AnotherInstitution(RuleBroken):
    """An identity is held by one institution; this patient is treated at another."""

    code = "another_institution"


class SameTrial(RuleBroken):
    """One person is one patient in a trial."""

    code = "same_trial"


def record_identity(
    *, patient: Patient, data: PersonalData, by: User, at: datetime, reason: str = ""
) -> Identity:
    """Record who a patient is; the institution of the patient's site holds it.

    Source: PV-01. Locks: the patient row.
    Raises: NotFound, NotPermitted, InvalidInput, AlreadyIdentified, KeyMissing.
    """
    _require(*_CHANGE, patient=patient, by=by)
    check_personal_data(data)
    with acting(by=by, at=at, reason=reason):
        locked = Patient.objects.select_for_update(of=("self",)).select_related("site")
        patient = locked.get(pk=patient.pk)
        _require_unidentified(patient)
        pk = uuid7(at)
        columns, key = sealed_row(pk, data, at)
        identity = Identity.objects.create(
            id=pk, institution_id=patient.site.institution_id, created_at=at, **columns
        )
        key.save(force_insert=True)
        PatientIdentity.objects.create(identity=identity, patient=patient, created_at=at)
    return identity


def amend_identity(
    *, patient: Patient, changes: Mapping[str, Any], by: User, at: datetime, reason: str
) -> Identity:
    """Change the named parts of who a patient is; the others stay.

    What is there is opened first: without its key nothing is written over it (F112).
    Source: 21 CFR 11.10(e). Locks: the identity's row.
    Raises: NotFound, NotPermitted, InvalidInput, ReasonMissing, KeyMissing, SealBroken.
    """
    _require(*_CHANGE, patient=patient, by=by)
    if not reason.strip():
        raise ReasonMissing()
    unknown = sorted(changes.keys() - set(COLUMNS))
    if unknown:
        raise InvalidInput(errors=[FieldError(f"/{x}", "unknown_field", "") for x in unknown])
    with acting(by=by, at=at, reason=reason):
        identity = _identity_of(patient, lock=True)
        data = replace(opened(identity), **changes)
        check_personal_data(data)
        columns, key = sealed_row(identity.pk, data, at)
        key.save(force_insert=True)
        _write(identity, columns)
    return identity


def erase_identity(
    *,
    patient: Patient,
    part: ErasedPart,
    basis: ErasureBasis,
    by: User,
    at: datetime,
    reason: str,
) -> Identity:
    """Erase how to reach a person, or all that says who they are, from now on and from history.

    The keys of that part are destroyed with every key that history would need; the pseudonymous
    data of the trial and the trail stay, and the trail tells who erased what on which basis.
    Source: PV-05. Locks: the identity's row.
    It needs no key of the ring, so it can be done when they are lost.
    Raises: NotFound, NotPermitted, ReasonMissing.
    """
    _require(*_ERASE, patient=patient, by=by)
    if not reason.strip():
        raise ReasonMissing()
    with acting(by=by, at=at, reason=reason):
        identity = _identity_of(patient, lock=True)
        if part == ErasedPart.CONTACT:
            erased, keys = ["contact"], ["contact_key"]
            columns: dict[str, Any] = {"contact": None, "contact_erased_at": at}
        else:
            erased, keys = list(COLUMNS), list(KEYS)
            columns = {
                **dict.fromkeys(COLUMNS),
                "name_index": None,
                "identifier_indexes": [],
                "contact_erased_at": at,
                "erased_at": at,
            }
        parts = [name for name in stated_in(identity) if name in erased]
        IdentityKey.objects.filter(identity=identity).update(**dict.fromkeys(keys))
        _write(identity, columns)
        _record(
            Action.ERASED,
            patient,
            identity,
            {"basis": basis.value, "fields": parts},
            by=by,
            at=at,
        )
    return identity


def identity_of(patient: Patient) -> Identity | None:
    """Return the row that says who a patient is, sealed; None where nothing is recorded."""
    return Identity.objects.filter(patients__patient=patient).first()


def read_identity(
    *, patient: Patient, by: User, at: datetime, purpose: IdentityPurpose
) -> PersonalData:
    """Return who a patient is, and record in the same transaction who looked, at what and why.

    Source: PV-03. Raises: NotFound, NotPermitted, KeyMissing, SealBroken.
    """
    _require(P.IDENTITY_VIEW, patient=patient, by=by)
    with transaction.atomic():
        identity = _identity_of(patient)
        data = opened(identity)
        detail = {"purpose": purpose.value, "fields": data.stated}
        _record(Action.VIEWED, patient, identity, detail, by=by, at=at)
    return data


def find_person(*, text: str, by: User, at: datetime) -> list[Patient]:
    """Return the patients in `by`'s scope of exactly this name, or who have this identifier.

    Raises: NotPermitted, KeyMissing.
    """
    index = blind_index()
    names = index.candidates(normalized(text), TABLE, "name")
    identifiers = index.candidates(comparable_identifier(text), TABLE, "identifiers")
    condition = Q(identity__name_index__in=names) | Q(
        identity__identifier_indexes__overlap=identifiers
    )
    return _found(condition, "name", "identifiers", by=by, at=at)


def find_by_name(*, name: str, by: User, at: datetime) -> list[Patient]:
    """Return the patients in `by`'s scope with exactly this name, whatever its case and spacing.

    Raises: NotPermitted, KeyMissing.
    """
    digests = blind_index().candidates(normalized(name), TABLE, "name")
    return _found(Q(identity__name_index__in=digests), "name", by=by, at=at)


def find_by_identifier(*, identifier: str, by: User, at: datetime) -> list[Patient]:
    """Return the patients in `by`'s scope who have this identifier, of whatever kind.

    Raises: NotPermitted, KeyMissing.
    """
    digests = blind_index().candidates(comparable_identifier(identifier), TABLE, "identifiers")
    condition = Q(identity__identifier_indexes__overlap=digests)
    return _found(condition, "identifiers", by=by, at=at)


def link_patient(
    *, patient: Patient, same_person_as: Patient, by: User, at: datetime, reason: str
) -> PatientIdentity:
    """Record that a patient is the person whom another trial of the institution knows already.

    Source: domain.md 4. Locks: the patient row.
    Raises: NotFound, NotPermitted, AlreadyIdentified, AnotherInstitution, SameTrial.
    """
    for each in (patient, same_person_as):
        _require(*_CHANGE, patient=each, by=by)
    if not reason.strip():
        raise ReasonMissing()
    with acting(by=by, at=at, reason=reason):
        locked = Patient.objects.select_for_update(of=("self",)).select_related("site")
        patient = locked.get(pk=patient.pk)
        _require_unidentified(patient)
        identity = _identity_of(same_person_as, lock=True)
        if patient.site.institution_id != identity.institution_id:
            raise AnotherInstitution()
        if PatientIdentity.objects.filter(
            identity=identity, patient__trial_id=patient.trial_id
        ).exists():
            raise SameTrial()
        return PatientIdentity.objects.create(identity=identity, patient=patient, created_at=at)


def other_patients_of_person(*, patient: Patient, by: User, at: datetime) -> list[Patient]:
    """Return the same person's patients in other trials, those that `by` treats too.

    Source: domain.md 4 (visible only to site staff of both). Raises: NotFound, NotPermitted.
    """
    _require(P.IDENTITY_VIEW, patient=patient, by=by)
    with transaction.atomic():
        identity = _identity_of(patient)
        links = PatientIdentity.objects.filter(identity=identity).exclude(patient=patient)
        found = _patients(links, by)
        detail = {"purpose": IdentityPurpose.OTHER_TRIALS.value, "fields": ["patients"]}
        _record(Action.VIEWED, patient, identity, detail, by=by, at=at)
    return found


def _require(*permissions: P, patient: Patient, by: User) -> None:
    """Raises: NotFound outside the person's scope, NotPermitted inside."""
    if not all(may(by, permission, patient) for permission in permissions):
        raise NotPermitted() if may(by, P.PATIENT_VIEW, patient) else NotFound()


def _require_unidentified(patient: Patient) -> None:
    if PatientIdentity.objects.filter(patient=patient).exists():
        raise AlreadyIdentified()


def _identity_of(patient: Patient, *, lock: bool = False) -> Identity:
    identities = Identity.objects.filter(patients__patient=patient)
    if lock:
        identities = identities.select_for_update(of=("self",))
    identity = identities.first()
    if identity is None:
        raise NotFound()
    return identity


def _found(condition: Q, *parts: str, by: User, at: datetime) -> list[Patient]:
    """Return whom the condition finds in scope; what was searched for is not written down."""
    if not may(by, P.IDENTITY_VIEW):
        raise NotPermitted()
    with transaction.atomic():
        found = _patients(PatientIdentity.objects.filter(condition), by)
        detail = {"fields": list(parts), "patients": [str(patient.pk) for patient in found]}
        record(Action.SEARCHED, by=by, at=at, resource="identity", detail=detail)
    return found


def _patients(links: QuerySet[PatientIdentity], by: User) -> list[Patient]:
    rows = visible(links, by, P.IDENTITY_VIEW).select_related("patient").order_by("patient_id")
    return [link.patient for link in rows]


def _write(identity: Identity, columns: Mapping[str, Any]) -> None:
    for column, value in columns.items():
        setattr(identity, column, value)
    identity.save(update_fields=list(columns))
    identity.refresh_from_db(fields=["version"])


def _record(
    action: Action,
    patient: Patient,
    identity: Identity,
    detail: Mapping[str, Any],
    *,
    by: User,
    at: datetime,
) -> None:
    record(
        action,
        by=by,
        at=at,
        resource="identity",
        record_id=identity.pk,
        trial_id=patient.trial_id,
        site_id=patient.site_id,
        patient_id=patient.pk,
        detail=detail,
    )
