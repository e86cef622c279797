"""Signing in, staying signed in, signing out, and who am I (contract.md, Signing in)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.services import sessions
from portal.accounts.services.sessions import Authenticated, Client, Tokens
from portal.api.fields import StrictSerializer
from portal.api.people import introduction, permissions_held, role_codes
from portal.api.permissions import Open, Requirement
from portal.api.session_serializers import (
    EmptySerializer,
    MeSerializer,
    RefreshedSerializer,
    RefreshSerializer,
    SignedInSerializer,
    SignInSerializer,
)
from portal.api.sessions import security_events
from portal.api.views import PortalView, person
from portal.core import clock

REFRESH_PATH = "/api/v1/auth/"
TRANSPORT_HEADER = "HTTP_X_REFRESH_TRANSPORT"
_TRANSPORT = OpenApiParameter(
    "X-Refresh-Transport",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    enum=["cookie", "body"],
    description="`cookie` keeps the refresh token in an HttpOnly cookie and out of the body.",
)

_DEVICE = OpenApiParameter(
    "X-Device-Id",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="What makes two calls come from the same device, beside the program's name.",
)


class _Unauthenticated(PortalView):
    """Called without an access token; one that is sent is not looked at."""

    authentication_classes = []
    permissions: ClassVar[Mapping[str, Requirement]] = {"post": Open.EVERYBODY}


class SignInView(_Unauthenticated):
    """POST auth/token/."""

    @extend_schema(
        operation_id="auth_sign_in",
        request=SignInSerializer,
        responses=SignedInSerializer,
        parameters=[_TRANSPORT, _DEVICE],
    )
    def post(self, request: Request) -> Response:
        """Sign in with name and password.

        Unknown and wrong are answered alike, in words and in time.
        """
        body = _checked(SignInSerializer, request)
        at = clock.now()
        issued = sessions.sign_in(
            username=body["username"],
            password=body["password"],
            client=_client(request),
            at=at,
            roles_of=role_codes,
        )
        return _answer(request, issued, {"user": introduction(issued.user, at)})


class RefreshView(_Unauthenticated):
    """POST auth/token/refresh/."""

    @extend_schema(
        operation_id="auth_refresh",
        request=RefreshSerializer,
        responses=RefreshedSerializer,
        parameters=[_TRANSPORT, _DEVICE],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for its one successor.

        A repeat by the same device within 30 seconds gets the same successor; any later reuse ends
        the session.
        """
        body = _checked(RefreshSerializer, request)
        token = body.get("refresh")
        if token is None and _wants_cookie(request):
            token = request.COOKIES.get(_cookie_name())
        if token is None:
            missing = serializers.Field.default_error_messages["required"]
            raise serializers.ValidationError({"refresh": [missing]}, code="required")
        issued = sessions.refresh(
            token=token, client=_client(request), at=clock.now(), roles_of=role_codes
        )
        return _answer(request, issued, {})


class SignOutView(PortalView):
    """POST auth/logout/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"post": Open.SIGNED_IN}

    @extend_schema(operation_id="auth_sign_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session; its tokens stop at once."""
        _checked(EmptySerializer, request)
        assert isinstance(request.auth, Authenticated)
        sessions.sign_out(session=request.auth.session, by=person(request), at=clock.now())
        response = Response(status=204)
        if _cookie_name() in request.COOKIES:
            response.delete_cookie(_cookie_name(), path=_cookie_path(), samesite="Strict")
        return response


class MeView(PortalView):
    """GET auth/me/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.SIGNED_IN}

    @extend_schema(operation_id="auth_me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who am I, and what may I do where."""
        user = person(request)
        return Response(
            introduction(user, clock.now())
            | {
                "organization": user.organization,
                "language": user.language,
                "kind": user.kind,
                "permissions": permissions_held(user),
                "security_events": security_events(user, at=clock.now()),
            }
        )


def _checked(form: type[StrictSerializer], request: Request) -> Any:
    serializer = form(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _client(request: Request) -> Client:
    address = getattr(request._request, "client_address", None)
    return Client(
        address=address or request.META.get("REMOTE_ADDR") or None,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        device_id=request.META.get("HTTP_X_DEVICE_ID", ""),
    )


def _wants_cookie(request: Request) -> bool:
    return bool(request.META.get(TRANSPORT_HEADER, "").strip().lower() == "cookie")


def _cookie_name() -> str:
    # __Host- asks for Secure and for the path /.
    return "__Host-refresh" if settings.SESSION_COOKIE_SECURE else "refresh"


def _cookie_path() -> str:
    return "/" if settings.SESSION_COOKIE_SECURE else REFRESH_PATH


def _answer(request: Request, issued: Tokens, more: dict[str, Any]) -> Response:
    body = {"access": issued.access, "access_expires_at": issued.access_expires_at, **more}
    if not _wants_cookie(request):
        return Response({**body, "refresh": issued.refresh})
    response = Response(body)
    response.set_cookie(
        _cookie_name(),
        issued.refresh,
        expires=issued.refresh_expires_at,
        path=_cookie_path(),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response
