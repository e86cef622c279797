"""Sessions as their owner sees and ends them, and as an administrator does (ASVS 5.0 7.5.2)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.accounts.models import EndReason, RefreshToken, Session, SessionKind, User
from portal.accounts.services import sessions
from portal.api.fields import StrictUUIDField
from portal.api.permissions import Open, Requirement
from portal.api.reasons import OnlyReasonSerializer, ReasonedSerializer
from portal.api.serializers import CodeField, RecordSerializer, ReferenceField
from portal.api.session_serializers import EmptySerializer, SecurityEventSerializer
from portal.api.views import PortalView, ScopedViewSet, find, person
from portal.api.writes import Call, Named, Write, WriteMixin
from portal.audit.models import AuditEntry
from portal.audit.record import Action
from portal.core import clock

_TOLD_FOR = timedelta(days=30)


class SessionSerializer(RecordSerializer):
    """One sign-in, and through what."""

    user = ReferenceField("user")
    kind = serializers.ChoiceField(choices=SessionKind.choices)
    program = serializers.CharField(help_text="What the program said it is.")
    device = serializers.CharField()
    address = serializers.CharField(allow_null=True)
    last_used_at = serializers.DateTimeField(help_text="When it was last refreshed, or opened.")
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = CodeField(choices=EndReason.choices)
    is_current = serializers.BooleanField(help_text="Whether this very request came through it.")
    security_event = SecurityEventSerializer(allow_null=True)


class _Sessions(ScopedViewSet):
    queryset = Session.objects.all()
    serializer_class = SessionSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of sessions, the newest first."""
        latest = RefreshToken.objects.filter(session=OuterRef("pk")).order_by("-created_at")
        used = Subquery(latest.values("created_at")[:1])
        page = self.paginate_queryset(self.get_queryset().annotate(refreshed_at=used)) or []
        events = _reuses([row.pk for row in page])
        current = getattr(getattr(request, "auth", None), "session", None)
        return self.get_paginated_response([_told(row, current, events) for row in page])


class OwnSessionsViewSet(_Sessions):
    """auth/sessions/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"list": Open.SIGNED_IN}

    def get_queryset(self) -> QuerySet[Session]:
        """Return the sessions of the one who asks."""
        if getattr(self, "swagger_fake_view", False):
            return Session.objects.none()
        return Session.objects.filter(user=person(self.request))

    @extend_schema(operation_id="auth_sessions_list")
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one's own sessions, the newest first."""
        return super().list(request, *args, **kwargs)


class EndOwnSessionView(PortalView):
    """POST auth/sessions/{id}/end/. As often as one likes: what has ended stays ended."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"post": Open.SIGNED_IN}

    @extend_schema(operation_id="auth_session_end", request=None, responses={204: None})
    def post(self, request: Request, pk: UUID) -> Response:
        """End one of one's own sessions, such as that of a lost phone."""
        EmptySerializer(data=request.data).is_valid(raise_exception=True)
        user = person(request)
        session = find(Session.objects.filter(user=user), pk)
        sessions.revoke_session(
            session=session, by=user, at=clock.now(), reason="ended by its owner"
        )
        return Response(status=204)


class EndOwnSessionsView(PortalView):
    """POST auth/sessions/end-all/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"post": Open.SIGNED_IN}

    @extend_schema(operation_id="auth_sessions_end_all", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out everywhere: every session of the caller ends, this one too."""
        EmptySerializer(data=request.data).is_valid(raise_exception=True)
        user = person(request)
        sessions.sign_out_everywhere(
            user=user, by=user, at=clock.now(), reason="signed out everywhere"
        )
        return Response(status=204)


class EndSessionsSerializer(ReasonedSerializer):
    """Whose sessions are ended."""

    user = StrictUUIDField()


def end_one(call: Call) -> None:
    """End a session of somebody."""
    sessions.revoke_session(session=call.record, by=call.by, at=call.at, reason=call.reason)


def end_all(call: Call) -> None:
    """End every session of somebody."""
    sessions.sign_out_everywhere(user=call.record, by=call.by, at=call.at, reason=call.reason)


class SessionViewSet(WriteMixin, _Sessions):
    """sessions/: everybody's, for those who administer accounts."""

    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.SESSION_VIEW,
        "end": Permission.SESSION_END,
        "end_all": Permission.SESSION_END,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "end": Write(
            form=OnlyReasonSerializer,
            perform=end_one,
            status=204,
            needs_reason=True,
            seen_by=Permission.SESSION_VIEW,
        ),
        "end_all": Write(
            form=EndSessionsSerializer,
            perform=end_all,
            on=Named("user", User.objects.all(), Permission.USER_VIEW),
            status=204,
            needs_reason=True,
        ),
    }

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End one session of somebody, with a reason."""
        return self.write()

    def end_all(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End every session of somebody, phones included, with a reason."""
        return self.write()


def security_events(user: User, *, at: datetime) -> list[dict[str, Any]]:
    """Return what `user` must know: refresh tokens of theirs that somebody used a second time."""
    found = AuditEntry.objects.filter(
        acted_by=user.pk, action=Action.TOKEN_REUSED, at__gt=at - _TOLD_FOR
    )
    return [_event(entry) for entry in found.order_by("-id")[:20]]


def _reuses(keys: Iterable[UUID]) -> Mapping[Any, dict[str, Any]]:
    found = AuditEntry.objects.filter(
        resource="session", record_id__in=list(keys), action=Action.TOKEN_REUSED
    )
    return {entry.record_id: _event(entry) for entry in found}


def _event(entry: AuditEntry) -> dict[str, Any]:
    told = {name: entry.detail.get(name) for name in ("address", "program", "device")}
    return {"kind": entry.action, "at": entry.at, "session": entry.record_id, **told}


def _told(row: Any, current: Session | None, events: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "version": row.version,
        "created_at": row.created_at,
        "user": row.user_id,
        "kind": row.kind,
        "program": row.user_agent,
        "device": row.device_id,
        "address": row.address,
        "last_used_at": row.refreshed_at or row.created_at,
        "expires_at": row.expires_at,
        "ended_at": row.revoked_at,
        "end_reason": row.revoked_reason or None,
        "is_current": current is not None and current.pk == row.pk,
        "security_event": events.get(row.pk),
    }
