"""Around every view: problems under /api/ whoever refuses, and who acts at the desk."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from rest_framework.permissions import SAFE_METHODS

from portal.accounts.models import User
from portal.api.errors import refusal_of
from portal.api.people import role_codes
from portal.api.problems import ENVELOPE_TYPE, PROBLEM_TYPE, answer
from portal.core.history import Source, under

API_PREFIX = "/api/"
DESK_PREFIX = "/admin/"
_VARY = ("Authorization", "Accept", "Accept-Language")


class ProblemMiddleware:
    """Under /api/ there is no page and no redirect: what Django itself says becomes a problem."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer, as a problem where it is a refusal; never to be stored."""
        response = self.get_response(request)
        if not f"{request.path_info}/".startswith(API_PREFIX):
            return response
        if _is_foreign(response):
            response = self._problem(request, response)
        response["Cache-Control"] = "no-store"
        patch_vary_headers(response, _VARY)
        return response

    def _problem(self, request: HttpRequest, refused: HttpResponse) -> HttpResponse:
        status = 404 if 300 <= refused.status_code < 400 else refused.status_code
        language = translation.get_language_from_request(request)
        with translation.override(language):
            response = answer(refusal_of(request, status), request)
            response["Content-Language"] = language
        if "Allow" in refused:
            response["Allow"] = refused["Allow"]
        return response


def _is_foreign(response: HttpResponse) -> bool:
    if response.status_code < 300 or response.status_code == 304:
        return False
    kind = response.get("Content-Type", "").partition(";")[0]
    return kind not in (PROBLEM_TYPE, ENVELOPE_TYPE)


class DeskSessionMiddleware:
    """Say for the history that what is written at the desk is, in which role and for whom."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request under the circumstances of the desk."""
        if not request.path_info.startswith(DESK_PREFIX):
            return self.get_response(request)
        user = request.user
        if not isinstance(user, User) or request.method in SAFE_METHODS:
            return self.get_response(request)
        role = " ".join(role_codes(user))
        with under(source=Source.ADMIN, organization=user.organization, role=role):
            return self.get_response(request)
