"""Reads that the edges share."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from patients.models import (
    AbstractFinding,
    Alert,
    AlertBreach,
    ClinicalFlag,
    DataFinding,
    EproReport,
    MonitoringPlan,
    Patient,
    PatientProtocolVersion,
    PatientSite,
    ProtectedFinding,
    Score,
    VitalSample,
    VitalSign,
    VitalsUpload,
)
from patients.rules import news2
from patients.rules.ages import age_in_years
from patients.vocabulary import Disposition, FlagKind, ReportStatus, ScoreEligibility, Sex
from portal.access.permissions import Permission
from portal.access.scoping import Transfer, may, scope, transfers, visible
from portal.accounts.models import User


@transfers
def transfers_of(sites: frozenset[UUID]) -> Iterator[Transfer]:
    """Yield the patients who left one of `sites` or came to it from another."""
    with connection.cursor() as cursor:
        cursor.execute(_transfers_sql(), {"sites": list(sites)})
        yield from (Transfer(*row) for row in cursor.fetchall())


@cache
def _transfers_sql() -> str:
    """One statement, made once: every request of site staff asks it."""
    stays, patients = PatientSite._meta.db_table, Patient._meta.db_table
    return (
        f"SELECT s.patient_id, s.site_id, p.site_id FROM {stays} s "  # noqa: S608 - our names
        f"JOIN {patients} p ON p.id = s.patient_id "
        "WHERE s.to_at IS NOT NULL AND s.site_id <> p.site_id "
        "AND (s.site_id = ANY(%(sites)s) OR p.site_id = ANY(%(sites)s))"
    )


def outside_consent() -> QuerySet[EproReport]:
    """Return the reports sealed from display and export until a named person decides.

    Their readings and answers are stored, and safety rules run on them all the same.
    """
    return EproReport.objects.filter(disposition=Disposition.OUTSIDE_CONSENT).exclude(
        consent_decision__may_be_used=True
    )


def sealed_uploads() -> QuerySet[VitalsUpload]:
    """Return the uploads of readings that are sealed like reports outside consent."""
    return VitalsUpload.objects.filter(disposition=Disposition.OUTSIDE_CONSENT)


def epro_reports() -> QuerySet[EproReport]:
    """Return the diary reports that may be shown, each with how far the pipeline has come."""
    shown = EproReport.objects.exclude(disposition=Disposition.OUTSIDE_CONSENT)
    return shown.annotate(status=Coalesce("processing__status", Value(ReportStatus.RECEIVED.value)))


def vital_signs() -> QuerySet[VitalSign]:
    """Return the vital signs that may be shown, each with its patient's subject number."""
    sealed = Exists(outside_consent().filter(pk=OuterRef("report_id"))) | Exists(
        sealed_uploads().filter(pk=OuterRef("vitals_upload_id"))
    )
    return VitalSign.objects.filter(~sealed).annotate(subject_number=F("patient__subject_number"))


def vital_samples() -> QuerySet[VitalSample]:
    """Return the samples of monitors that may be shown, each with its patient's subject number."""
    rows = VitalSample.objects.exclude(vitals_upload__in=sealed_uploads())
    return rows.annotate(subject_number=F("patient__subject_number"))


def current_scores() -> QuerySet[Score]:
    """Return the scores that stand and may be shown."""
    sealed = Exists(outside_consent().filter(pk=OuterRef("report_id")))
    return Score.objects.filter(~sealed, superseded_at=None)


def alerts() -> QuerySet[Alert]:
    """Return the alerts, each with its rule and its patient's subject number."""
    return Alert.objects.annotate(
        subject_number=F("patient__subject_number"),
        rule_name=F("rule__name"),
        rule_version_number=F("rule_version__number"),
    )


def alerts_of_upload(upload_id: UUID) -> QuerySet[Alert]:
    """Return the alerts that an upload raised or added to."""
    return Alert.objects.filter(
        Exists(AlertBreach.objects.filter(alert=OuterRef("pk"), upload_id=upload_id))
    )


def findings_for(user: User) -> tuple[QuerySet[AbstractFinding], ...]:
    """Return the findings in scope: the open ones, and for the unblinded the protected ones.

    Where the second part is present, it must be read inside access.unblinded().
    """
    parts: list[QuerySet[AbstractFinding]] = []
    if not scope(user, Permission.DATA_FINDING_VIEW).is_empty:
        parts.append(visible(DataFinding.objects.all(), user, Permission.DATA_FINDING_VIEW))
        # Protected findings are findings first: both permissions are needed where they lie.
        if not scope(user, Permission.ALLOCATION_VIEW).is_empty:
            held = visible(ProtectedFinding.objects.all(), user, Permission.DATA_FINDING_VIEW)
            parts.append(visible(held, user, Permission.ALLOCATION_VIEW))
    return tuple(parts)


def capture_site(patient: Patient, user: User, permission: Permission) -> UUID:
    """Return the site at which `user` captures something of the patient.

    It is where the patient is, or after a transfer the site of the two at which the user may.
    """
    if not may(user, permission, patient.site):
        stays = PatientSite.objects.filter(patient=patient).select_related("site")
        for stay in stays.order_by("-from_at", "-id"):
            if may(user, permission, stay.site):
                return UUID(str(stay.site_id))
    return UUID(str(patient.site_id))


def protocol_version_at(patient: Patient, at: datetime) -> UUID | None:
    """Return the protocol version that the patient follows at that instant, None if unknown."""
    followed = PatientProtocolVersion.objects.filter(patient=patient, from_at__lte=at)
    followed = followed.filter(Q(to_at__isnull=True) | Q(to_at__gt=at))
    return followed.order_by("-from_at").values_list("protocol_version", flat=True).first()


def monitoring_plans() -> QuerySet[MonitoringPlan]:
    """Return the plans of sites with the trial of each."""
    return MonitoringPlan.objects.annotate(trial_id=F("site__trial_id"))


def judged_by_site(alerts: QuerySet[Alert]) -> list[dict[str, Any]]:
    """Return by site how many of `alerts` were judged, and called for action. One query."""
    judged = Q(was_actionable__isnull=False)
    rows = alerts.values("site").annotate(
        alerts=Count("pk"),
        judged=Count("pk", filter=judged),
        actionable=Count("pk", filter=Q(was_actionable=True)),
    )
    return [
        {
            **row,
            "actionable_share": (
                Decimal(row["actionable"]) / row["judged"] if row["judged"] else None
            ),
        }
        for row in rows.order_by("site")
    ]


def flags_in_force(patients: Iterable[UUID], at: datetime) -> Mapping[UUID, frozenset[str]]:
    """Return the clinical flags of patients that hold at that instant. One query."""
    rows = ClinicalFlag.objects.filter(patient__in=list(patients), from_at__lte=at)
    rows = rows.filter(Q(to_at__isnull=True) | Q(to_at__gt=at))
    found: dict[UUID, set[str]] = {}
    for patient, kind in rows.values_list("patient_id", "kind"):
        found.setdefault(patient, set()).add(kind)
    return {patient: frozenset(kinds) for patient, kinds in found.items()}


def news2_eligibility(patients: Iterable[UUID], at: datetime) -> Mapping[UUID, ScoreEligibility]:
    """Return whether NEWS2 may be computed for patients, or why not. Three queries."""
    keys = list(patients)
    enabled = MonitoringPlan.objects.filter(news2_enabled=True).values("site")
    flags = flags_in_force(keys, at)
    on = set(Patient.objects.filter(pk__in=keys, site__in=enabled).values_list("pk", flat=True))
    facts = Patient.objects.filter(pk__in=keys).values_list("pk", "age", "age_unit", "sex")
    return {
        key: (
            _eligibility(age_in_years(age, unit), sex, flags.get(key, frozenset()))
            if key in on
            else ScoreEligibility.NOT_ELIGIBLE_SETTING
        )
        for key, age, unit, sex in facts
    }


def _eligibility(age: Decimal | None, sex: str, flags: frozenset[str]) -> ScoreEligibility:
    """Put the facts before the rule, and name what stands against a score."""
    is_pregnant = None
    if FlagKind.PREGNANCY in flags:
        is_pregnant = True
    elif FlagKind.NOT_PREGNANT in flags or sex == Sex.MALE:
        is_pregnant = False
    injured = FlagKind.SPINAL_CORD_INJURY in flags
    found = news2.eligibility(
        age_years=age, is_pregnant=is_pregnant, has_spinal_cord_injury=injured
    )
    if found != news2.Eligibility.NOT_ELIGIBLE:
        return ScoreEligibility(found.value)
    if is_pregnant:
        return ScoreEligibility.NOT_ELIGIBLE_PREGNANT
    if injured:
        return ScoreEligibility.NOT_ELIGIBLE_SPINAL_CORD_INJURY
    return ScoreEligibility.NOT_ELIGIBLE_AGE
