"""Addresses of reports, below /api/v1/."""

from django.urls import path

from portal.api.views import DETAIL, LIST
from portal.documents.api.uploads import UploadViewSet
from portal.documents.api.views import ReportEventsView, ReportFileView, ReportViewSet

urlpatterns = [
    path("reports/", ReportViewSet.as_view({**LIST, "post": "create"}), name="reports"),
    path("reports/uploads/", UploadViewSet.as_view({"post": "create"}), name="report-uploads"),
    path("reports/<uuid:pk>/", ReportViewSet.as_view(DETAIL), name="report"),
    path(
        "reports/<uuid:pk>/cancel/",
        ReportViewSet.as_view({"post": "cancel"}),
        name="report-cancel",
    ),
    path("reports/<uuid:pk>/file/", ReportFileView.as_view(), name="report-file"),
    path("reports/<uuid:pk>/events/", ReportEventsView.as_view(), name="report-events"),
]
