"""Every address of the portal, and what is answered when a view fails."""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from portal.api.errors import problem_of
from portal.desk import pages
from portal.desk.site import site
from portal.desk.workbench import service_worker, workbench


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a failure; one of the database or the broker is 503, not our fault."""
    failure = sys.exc_info()[1]
    # Under /api/ the answer is made again from this, as a problem (portal.api.middleware).
    request.failure = failure  # type: ignore[attr-defined]
    if failure is not None and problem_of(failure).status == 503:
        return pages.unavailable(request)
    return pages.server_error(request)


urlpatterns = [
    path("", include("portal.ops.urls")),
    path("admin/", site.urls),
    path("api/v1/", include("portal.api.urls")),
    path("api/v1/", include("portal.notices.api.urls")),
    path("api/v1/", include("portal.documents.api.urls")),
    path("api/v1/", include("trials.api.urls")),
    path("api/v1/", include("patients.api.urls")),
    path("api/v1/", include("events.api.urls")),
    path("service-worker.js", service_worker, name="service-worker"),
    # Whatever is nobody else's. An address below these is theirs, also when it leads nowhere.
    re_path(
        r"^(?!(?:api|admin|diary|static|ws|healthz|readyz|metrics)(?:/|$))(?P<path>.*)$",
        workbench,
        name="workbench",
    ),
]

handler400 = pages.bad_request
handler403 = pages.permission_denied
handler404 = pages.page_not_found
handler500 = server_error
