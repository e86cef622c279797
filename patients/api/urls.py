"""Addresses of patients and their data, below /api/v1/."""

from django.urls import path

from patients.api import views
from portal.api.views import DETAIL, LIST

urlpatterns = [
    path("patients/", views.PatientViewSet.as_view(LIST), name="patients"),
    path("patients/<uuid:pk>/", views.PatientViewSet.as_view(DETAIL), name="patient"),
    path(
        "patients/<uuid:pk>/vitals/",
        views.PatientVitalSignViewSet.as_view(LIST),
        name="patient-vitals",
    ),
    path("vitals/", views.VitalSignViewSet.as_view(LIST), name="vitals"),
    path("findings/", views.FindingViewSet.as_view(LIST), name="findings"),
]
