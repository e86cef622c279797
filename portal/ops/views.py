"""Health and measurements, for machines."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portal.ops.addresses import is_loopback
from portal.ops.health import readiness
from portal.ops.metrics import REGISTRY


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process is alive; asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the portal can serve, and if not, why."""
    found = readiness()
    if found.is_ready:
        return JsonResponse({"status": "ok", "details": found.details})
    response = JsonResponse(
        {"status": "unavailable", "reason": found.reason, "details": found.details},
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )
    response["Retry-After"] = "5"
    return response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give Prometheus its text; to this machine itself or to whoever bears the token."""
    if not _may_read_metrics(request):
        response = HttpResponse(
            "Metrics need the bearer token.\n",
            status=HTTPStatus.UNAUTHORIZED,
            content_type="text/plain; charset=utf-8",
        )
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and constant_time_compare(sent, f"Bearer {settings.METRICS_TOKEN}"):
        return True
    # Through a proxy that was not declared everybody would seem to be this machine.
    is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not is_forwarded and is_loopback(request.client_address)  # type: ignore[attr-defined]
