"""One's own notices, how one is told, and who stands in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.accounts.models import User, UserKind
from portal.api.etags import check_version, etag_of, is_known, stated_versions
from portal.api.pagination import NEWEST_FIRST, Ordering
from portal.api.permissions import Open, Requirement
from portal.api.reasons import OnlyReasonSerializer
from portal.api.schema import IF_MATCH
from portal.api.views import ListMixin, PortalView, ScopedViewSet, person
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core import clock
from portal.notices import selectors
from portal.notices.api import serializers as s
from portal.notices.api.filters import NoticeFilter
from portal.notices.models import Absence, Notice
from portal.notices.services import acknowledging, people


def _acknowledge(call: Call) -> Any:
    return acknowledging.acknowledge(
        notice=call.record, comment=call.body.get("comment", ""), by=call.by, at=call.at
    )


def _acknowledge_many(call: Call) -> Any:
    return acknowledging.acknowledge_many(
        ids=call.body["ids"],
        rows=selectors.readable(call.by, call.at),
        comment=call.body.get("comment", ""),
        by=call.by,
        at=call.at,
    )


def _mark_seen(call: Call) -> None:
    acknowledging.mark_seen(ids=call.body["ids"], by=call.by, at=call.at)


class NoticeViewSet(WriteMixin, ScopedViewSet):
    """notifications/: one's own, and those of whom one stands in for."""

    queryset = Notice.objects.all()
    serializer_class = s.NoticeSerializer
    detail_serializer_class = s.NoticeDetailSerializer
    filterset_class = NoticeFilter
    orderings: ClassVar[Mapping[str, Ordering]] = {
        "-created_at": NEWEST_FIRST,
        "created_at": Ordering("created_at", descending=False),
        "sequence": Ordering("sequence", descending=False),
        # Unacknowledged first, the newest of them first.
        "-acknowledged_at": Ordering("acknowledged_at", nullable=True),
    }
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Open.SIGNED_IN,
        "retrieve": Open.SIGNED_IN,
        "acknowledge": Open.SIGNED_IN,
        "acknowledge_many": Open.SIGNED_IN,
        "mark_seen": Open.SIGNED_IN,
    }
    urgent = frozenset({"retrieve", "acknowledge", "acknowledge_many"})
    writes: ClassVar[Mapping[str, Write]] = {
        "acknowledge": Write(form=s.AcknowledgeNoticeForm, perform=_acknowledge),
        "acknowledge_many": Write(
            form=s.AcknowledgeNoticesForm,
            perform=_acknowledge_many,
            on=On.NOTHING,
            answer=s.AcknowledgedSerializer,
        ),
        "mark_seen": Write(form=s.SeenForm, perform=_mark_seen, on=On.NOTHING, status=204),
    }

    def get_queryset(self) -> QuerySet[Notice]:
        """Return the caller's own notices; those of somebody else where they are named."""
        if getattr(self, "swagger_fake_view", False):
            return Notice.objects.none()
        user = person(self.request)
        rows = selectors.readable(user, clock.now())
        if self.action == "list" and "person" not in self.request.query_params:
            rows = rows.filter(person=user)
        return rows

    def seen(self, write: Write) -> QuerySet[Notice]:
        """Return the notices that the caller may know of."""
        return self.get_queryset()

    @property
    def default_ordering(self) -> str:  # type: ignore[override]
        """Return the newest first; after a sequence in the order of sequences."""
        request = getattr(self, "request", None)
        return "sequence" if request and "after" in request.query_params else "-created_at"

    @extend_schema(responses=s.NoticeSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of one's notices; `after` gives exactly those that one has not.

        `ordering=-acknowledged_at` puts first what nobody has acknowledged.
        """
        user = person(request)
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        fresh = [
            (row.person_id, row.sequence)
            for row in page
            if row.delivered_at is None and row.person_id == user.pk
        ]
        if fresh:
            acknowledging.note_delivered(fresh, at=clock.now())
        return self.get_paginated_response(selectors.represent(page, user))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the notice, with what was tried to reach the person."""
        notice = self.get_object()
        tag = etag_of(notice)
        if is_known(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(self._detail(notice), headers={"ETag": tag})

    def acknowledge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say "I have it", which alone stops the ladder."""
        return self.write()

    @extend_schema(operation_id="notifications_acknowledge_many")
    def acknowledge_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Acknowledge several with one comment; alerts, serious events and clocks one by one."""
        return self.write()

    def mark_seen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say which notices one has looked at; the ladder goes on."""
        return self.write()

    def told(self, made: Any, write: Write) -> Any:
        """Return what was acknowledged as it then stands."""
        if isinstance(made, list):
            return {"results": selectors.represent(made, person(self.request))}
        return self._detail(made)

    def _detail(self, notice: Notice) -> dict[str, Any]:
        user = person(self.request)
        open_actions = ["acknowledge"] if notice.acknowledged_at is None else []
        return {
            **selectors.represent([notice], user)[0],
            "sendings": selectors.sendings_of(notice),
            "allowed_actions": open_actions,
        }


class StatisticsView(PortalView):
    """notifications/statistics/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Permission.NOTICE_VIEW}

    @extend_schema(operation_id="notifications_statistics", responses=s.StatisticsSerializer)
    def get(self, request: Request) -> Response:
        """Return by site and person how soon notices are acknowledged and what is overdue now."""
        return Response({"results": selectors.statistics(person(request), clock.now())})


class PreferencesView(PortalView):
    """notification-preferences/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {
        "get": Open.SIGNED_IN,
        "put": Open.SIGNED_IN,
    }

    @extend_schema(operation_id="notification_preferences", responses=s.PreferenceSerializer)
    def get(self, request: Request) -> Response:
        """Return how one is told."""
        found = selectors.preference_of(person(request))
        return Response(s.PreferenceSerializer(found).data, headers={"ETag": etag_of(found)})

    @extend_schema(
        operation_id="notification_preferences_change",
        parameters=[IF_MATCH],
        request=s.PreferenceForm,
        responses=s.PreferenceSerializer,
    )
    def put(self, request: Request) -> Response:
        """Say how one wants to be told; what concerns safety asks none of it."""
        form = s.PreferenceForm(data=request.data)
        form.is_valid(raise_exception=True)
        user = person(request)
        stated = stated_versions(request, selectors.preference_of(user))
        made = people.prefer(
            wishes=dict(form.validated_data),
            check=lambda held: check_version(held, stated),
            by=user,
            at=clock.now(),
        )
        return Response(s.PreferenceSerializer(made).data, headers={"ETag": etag_of(made)})


def _deputy(said: Mapping[str, Any]) -> User | None:
    """Return who is named, by id or by user name: a list of everybody would tell who is here."""
    if "deputy" in said:
        return User.objects.filter(pk=said["deputy"]).first()
    name = said.get("deputy_username", "").strip()
    return User.objects.filter(username__iexact=name, kind=UserKind.PERSON).first()


def _go_away(call: Call) -> Any:
    return people.go_away(
        person=call.by,
        deputy=_deputy(call.body),
        from_at=call.body["from_at"],
        to_at=call.body["to_at"],
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _come_back(call: Call) -> Any:
    return people.come_back(absence=call.record, by=call.by, at=call.at, reason=call.reason)


class AbsenceViewSet(WriteMixin, ListMixin, ScopedViewSet):
    """absences/: one's own, and those in which one stands in."""

    queryset = selectors.absences()
    serializer_class = s.AbsenceSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Open.SIGNED_IN,
        "create": Open.SIGNED_IN,
        "end": Open.SIGNED_IN,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=s.AbsenceForm, perform=_go_away, on=On.NOTHING, status=201),
        "end": Write(form=OnlyReasonSerializer, perform=_come_back),
    }

    def get_queryset(self) -> QuerySet[Absence]:
        """Return the caller's."""
        if getattr(self, "swagger_fake_view", False):
            return Absence.objects.none()
        user = person(self.request)
        if self.action == "end":
            return selectors.absences().filter(person=user)
        return selectors.absences_of(user)

    def seen(self, write: Write) -> QuerySet[Absence]:
        """Return the absences that the caller may end."""
        return self.get_queryset()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say from when until when one is away, and who stands in."""
        return self.write()

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Be back."""
        return self.write()
