"""Addresses of patients and their data, below /api/v1/."""

from django.urls import path

from patients.api import alerts, views
from patients.api.caregivers import CaregiverViewSet, PatientCaregiverViewSet
from patients.api.identity import IdentityViewSet
from patients.api.monitoring import (
    ClinicalFlagViewSet,
    MonitoringPlanViewSet,
    PatientFlagViewSet,
    PatientZoneViewSet,
)
from patients.api.observation_sets import ObservationSetViewSet
from patients.api.risk_rules import RiskRuleVersionViewSet, RiskRuleViewSet
from patients.api.series import VitalSeriesViewSet
from patients.api.sharing import PatientShareViewSet, ShareViewSet
from patients.api.wall import DataFlowViewSet, WallTileViewSet
from patients.intake import views as intake
from patients.models import DataFinding, Patient, VitalSign
from portal.access.permissions import Permission
from portal.api.histories import history_of
from portal.api.views import DETAIL, LIST

urlpatterns = [
    path("patients/", views.PatientViewSet.as_view(LIST), name="patients"),
    path("patients/<uuid:pk>/", views.PatientViewSet.as_view(DETAIL), name="patient"),
    path(
        "patients/<uuid:pk>/vitals/",
        views.PatientVitalSignViewSet.as_view(LIST),
        name="patient-vitals",
    ),
    path(
        "patients/<uuid:pk>/vitals/series/",
        VitalSeriesViewSet.as_view({"get": "series"}),
        name="patient-vitals-series",
    ),
    path(
        "patients/<uuid:pk>/epro-reports/",
        views.PatientReportViewSet.as_view(LIST),
        name="patient-epro-reports",
    ),
    path(
        "epro-reports/<uuid:pk>/run-again/",
        views.ReportViewSet.as_view({"post": "run_again"}),
        name="epro-report-run-again",
    ),
    path(
        "quarantined-submissions/",
        views.QuarantineViewSet.as_view(LIST),
        name="quarantined-submissions",
    ),
    path(
        "patients/<uuid:pk>/history/",
        history_of(Patient, Permission.PATIENT_VIEW),
        name="patient-history",
    ),
    path(
        "vitals/<uuid:pk>/history/",
        history_of(VitalSign, Permission.VITAL_SIGN_VIEW),
        name="vital-history",
    ),
    path(
        "findings/<uuid:pk>/history/",
        history_of(DataFinding, Permission.DATA_FINDING_VIEW),
        name="finding-history",
    ),
    path("intake/epro-reports/", intake.ReportsView.as_view(), name="intake-reports"),
    path(
        "intake/epro-reports/<uuid:pk>/",
        intake.ReportStatusView.as_view(),
        name="intake-report",
    ),
    path("intake/vitals/", intake.VitalsView.as_view(), name="intake-vitals"),
    path(
        "intake/vitals/<uuid:pk>/",
        intake.VitalsStatusView.as_view(),
        name="intake-vitals-upload",
    ),
    path("intake/batch/", intake.BatchView.as_view(), name="intake-batch"),
    path(
        "patients/<uuid:pk>/identity/",
        IdentityViewSet.as_view({**DETAIL, "post": "create", "patch": "partial_update"}),
        name="patient-identity",
    ),
    path(
        "patients/<uuid:pk>/identity/erase/",
        IdentityViewSet.as_view({"post": "erase"}),
        name="patient-identity-erase",
    ),
    path(
        "patients/<uuid:pk>/caregivers/",
        PatientCaregiverViewSet.as_view({**LIST, "post": "create"}),
        name="patient-caregivers",
    ),
    path(
        "caregivers/<uuid:pk>/end/",
        CaregiverViewSet.as_view({"post": "end"}),
        name="caregiver-end",
    ),
    path(
        "patients/<uuid:pk>/shares/",
        PatientShareViewSet.as_view({**LIST, "post": "create"}),
        name="patient-shares",
    ),
    path("shares/<uuid:pk>/end/", ShareViewSet.as_view({"post": "end"}), name="share-end"),
    path("vitals/", views.VitalSignViewSet.as_view({**LIST, "post": "create"}), name="vitals"),
    path(
        "vitals/<uuid:pk>/",
        views.VitalSignViewSet.as_view({**DETAIL, "patch": "partial_update"}),
        name="vital",
    ),
    path(
        "patients/<uuid:pk>/scores/",
        alerts.PatientScoreViewSet.as_view(LIST),
        name="patient-scores",
    ),
    path(
        "patients/<uuid:pk>/observation-sets/",
        ObservationSetViewSet.as_view({**LIST, "post": "create"}),
        name="patient-observation-sets",
    ),
    path(
        "patients/<uuid:pk>/observation-sets/candidate/",
        ObservationSetViewSet.as_view({"get": "candidate"}),
        name="patient-observation-set-candidate",
    ),
    path("alerts/", alerts.AlertViewSet.as_view(LIST), name="alerts"),
    path("alerts/<uuid:pk>/", alerts.AlertViewSet.as_view(DETAIL), name="alert"),
    path(
        "alerts/<uuid:pk>/acknowledge/",
        alerts.AlertViewSet.as_view({"post": "acknowledge"}),
        name="alert-acknowledge",
    ),
    path(
        "alerts/<uuid:pk>/close/",
        alerts.AlertViewSet.as_view({"post": "close"}),
        name="alert-close",
    ),
    path("risk-rules/", RiskRuleViewSet.as_view({**LIST, "post": "create"}), name="risk-rules"),
    path("risk-rules/<uuid:pk>/", RiskRuleViewSet.as_view(DETAIL), name="risk-rule"),
    path(
        "risk-rules/<uuid:pk>/sites/",
        RiskRuleViewSet.as_view({"get": "sites"}),
        name="risk-rule-sites",
    ),
    path(
        "risk-rule-versions/",
        RiskRuleVersionViewSet.as_view({**LIST, "post": "create"}),
        name="risk-rule-versions",
    ),
    path(
        "risk-rule-versions/<uuid:pk>/",
        RiskRuleVersionViewSet.as_view({**DETAIL, "patch": "partial_update"}),
        name="risk-rule-version",
    ),
    *(
        path(
            f"risk-rule-versions/<uuid:pk>/{action.replace('_', '-')}/",
            RiskRuleVersionViewSet.as_view({"post": action}),
            name=f"risk-rule-version-{action.replace('_', '-')}",
        )
        for action in ("dry_run", "activate", "retire")
    ),
    path(
        "monitoring-plans/",
        MonitoringPlanViewSet.as_view({**LIST, "post": "create"}),
        name="monitoring-plans",
    ),
    path(
        "monitoring-plans/<uuid:pk>/",
        MonitoringPlanViewSet.as_view({**DETAIL, "patch": "partial_update"}),
        name="monitoring-plan",
    ),
    path(
        "patients/<uuid:pk>/clinical-flags/",
        PatientFlagViewSet.as_view({**LIST, "post": "create"}),
        name="patient-clinical-flags",
    ),
    path(
        "clinical-flags/<uuid:pk>/end/",
        ClinicalFlagViewSet.as_view({"post": "end"}),
        name="clinical-flag-end",
    ),
    path(
        "patients/<uuid:pk>/time-zones/",
        PatientZoneViewSet.as_view({**LIST, "post": "create"}),
        name="patient-time-zones",
    ),
    path("wall/tiles/", WallTileViewSet.as_view(LIST), name="wall-tiles"),
    path("wall/data-flow/", DataFlowViewSet.as_view(LIST), name="wall-data-flow"),
    path("findings/", views.FindingViewSet.as_view(LIST), name="findings"),
]
