"""Who may act where: delegations, the periodic review, and the report of a day (E6-13)."""

import csv
import io
from collections.abc import Generator, Iterable, Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.access.reports import Access, access_during, digest_of
from portal.access.scoping import may, scope, visible
from portal.api.fields import StrictCharField, StrictDateField, StrictUUIDField, UntilField
from portal.api.permissions import Open, Requirement
from portal.api.reasons import OnlyReasonSerializer, ReasonedSerializer
from portal.api.serializers import RecordSerializer, ReferenceField
from portal.api.streams import streamed
from portal.api.views import ListMixin, PortalView, ScopedViewSet, find, person
from portal.api.writes import Call, Named, On, Write, WriteMixin
from portal.audit.record import Action, record
from portal.core import clock
from portal.core.errors import FieldError, InvalidInput, NotPermitted
from portal.core.spreadsheets import cell
from trials.models import AccessReview, Delegation, Site, Trial
from trials.selectors import staff_of
from trials.services.delegations import accept_delegation, delegate_task, end_delegation
from trials.services.reviews import days, record_access_review
from trials.vocabulary import DelegatedTask, ReviewConclusion


class DelegationSerializer(RecordSerializer):
    """A task that the site's principal investigator gives to a person."""

    site = ReferenceField("site")
    principal_investigator = ReferenceField("principal_investigator")
    delegate = ReferenceField("delegate")
    task = serializers.ChoiceField(choices=DelegatedTask.choices)
    effective_from = serializers.DateTimeField()
    effective_to = serializers.DateTimeField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    training = serializers.CharField()


class DelegateTaskSerializer(ReasonedSerializer):
    """Which task of a site goes to whom, from when; the delegate accepts it afterwards."""

    site = StrictUUIDField()
    delegate = StrictUUIDField()
    task = serializers.ChoiceField(choices=DelegatedTask.choices)
    effective_from = UntilField(required=False, help_text="Now where nothing is said.")
    trained_on = StrictDateField(required=False, allow_null=True)
    training = StrictCharField(max_length=200, required=False, allow_blank=True)


def delegate(call: Call) -> Delegation:
    """Give a task of the site to one of its staff; the caller is its principal investigator."""
    chosen = staff_of(call.record, at=call.at).filter(pk=call.body["delegate"]).first()
    if chosen is None:
        told = _("Nobody of that id has a role at the site.")
        raise InvalidInput(errors=(FieldError("/delegate", "not_staff_of_the_site", told),))
    return delegate_task(
        site=call.record,
        principal_investigator=call.by,
        delegate=chosen,
        task=call.body["task"],
        effective_from=call.body.get("effective_from", call.at),
        trained_on=call.body.get("trained_on"),
        training=call.body.get("training", ""),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def accept(call: Call) -> Delegation:
    """Take a task on."""
    return accept_delegation(
        delegation=call.record, by=call.by, at=call.at, reason=call.reason or "accepted"
    )


def end(call: Call) -> Delegation:
    """Take a task back."""
    return end_delegation(delegation=call.record, by=call.by, at=call.at, reason=call.reason)


class DelegationViewSet(WriteMixin, ListMixin, ScopedViewSet):
    """delegations/."""

    queryset = Delegation.objects.all()
    serializer_class = DelegationSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.DELEGATION_VIEW,
        "create": Permission.DELEGATION_CHANGE,
        "accept": Open.SIGNED_IN,
        "end": Permission.DELEGATION_CHANGE,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=DelegateTaskSerializer,
            perform=delegate,
            on=Named("site", Site.objects.all(), Permission.SITE_VIEW),
            status=201,
        ),
        "accept": Write(
            form=OnlyReasonSerializer, perform=accept, seen_by=Permission.DELEGATION_VIEW
        ),
        "end": Write(
            form=OnlyReasonSerializer,
            perform=end,
            needs_reason=True,
            seen_by=Permission.DELEGATION_VIEW,
        ),
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delegate a task of one's site; it counts once the delegate has accepted it."""
        return self.write()

    def accept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Accept a task that was delegated to oneself."""
        return self.write()

    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a delegated task back, with a reason."""
        return self.write()


class AccessReviewSerializer(RecordSerializer):
    """Somebody went through who had access, and concluded."""

    trial = ReferenceField("trial", allow_null=True)
    period_from = serializers.DateField()
    period_to = serializers.DateField()
    reviewed_by = ReferenceField("reviewed_by")
    reviewed_at = serializers.DateTimeField()
    conclusion = serializers.ChoiceField(choices=ReviewConclusion.choices)
    findings = serializers.CharField()
    entries = serializers.IntegerField(min_value=0)
    digest = serializers.CharField(help_text="SHA-256 of the list that was reviewed")


class RecordAccessReviewSerializer(ReasonedSerializer):
    """What was gone through, and with which conclusion."""

    trial = StrictUUIDField(required=False, allow_null=True, help_text="null: the whole portal")
    period_from = StrictDateField()
    period_to = StrictDateField()
    conclusion = serializers.ChoiceField(choices=ReviewConclusion.choices)
    findings = StrictCharField(max_length=4000, required=False, allow_blank=True)


def review(call: Call) -> AccessReview:
    """Record a review of the access to a trial, or to the whole portal."""
    return record_access_review(
        trial=_reviewed(call),
        period_from=call.body["period_from"],
        period_to=call.body["period_to"],
        conclusion=ReviewConclusion(call.body["conclusion"]),
        findings=call.body.get("findings", ""),
        by=call.by,
        at=call.at,
        reason=call.reason,
    )


def _reviewed(call: Call) -> Trial | None:
    """Return the trial that the caller may review. Raises: NotFound, NotPermitted."""
    key = call.body.get("trial")
    if key is None:
        if not scope(call.by, Permission.ACCESS_REVIEW_RECORD).everywhere:
            raise NotPermitted(_("Name a trial: you may not review access everywhere."))
        return None
    trial: Trial = find(visible(Trial.objects.all(), call.by, Permission.TRIAL_VIEW), key)
    if not may(call.by, Permission.ACCESS_REVIEW_RECORD, trial):
        raise NotPermitted()
    return trial


class AccessReviewViewSet(WriteMixin, ListMixin, ScopedViewSet):
    """access-reviews/."""

    queryset = AccessReview.objects.all()
    serializer_class = AccessReviewSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Permission.ACCESS_REVIEW_VIEW,
        "create": Permission.ACCESS_REVIEW_RECORD,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=RecordAccessReviewSerializer, perform=review, on=On.NOTHING, status=201
        ),
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Record that one went through who had access in those days; the digest is kept."""
        return self.write()


class AccessSerializer(serializers.Serializer[Any]):
    """What one person had, where and from when to when."""

    person = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    organization = serializers.CharField()
    via = serializers.ChoiceField(
        choices=["assignment", "delegation", "share", "caregiver", "account"]
    )
    what = serializers.CharField()
    scope = serializers.ChoiceField(choices=["portal", "sponsor", "trial", "site", "patient"])
    place = serializers.UUIDField(allow_null=True)
    place_name = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    granted_by = serializers.UUIDField(allow_null=True)


class AccessReportSerializer(serializers.Serializer[Any]):
    """Who had what access on a day, in UTC."""

    on = serializers.DateField()
    trial = serializers.UUIDField(allow_null=True)
    digest = serializers.CharField(help_text="SHA-256 of the list, as a review keeps it")
    entries = AccessSerializer(many=True)


class AccessReportView(PortalView):
    """GET access-report/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Permission.ASSIGNMENT_VIEW}
    parameters: ClassVar[frozenset[str]] = frozenset({"on", "trial", "format"})

    @extend_schema(
        operation_id="access_report",
        parameters=[
            OpenApiParameter("on", OpenApiTypes.DATE, description="A day in UTC; today."),
            OpenApiParameter("trial", OpenApiTypes.UUID, description="Needed by those of a trial."),
            OpenApiParameter("format", str, enum=["json", "csv"]),
        ],
        responses={
            (200, "application/json"): AccessReportSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request) -> Any:
        """Return who had what access on a day: roles, delegated tasks, shared patients."""
        user, at = person(request), clock.now()
        on = _day(request.query_params.get("on") or None, at.date())
        form = request.query_params.get("format") or "json"
        if form not in ("json", "csv"):
            raise _refused("format", "unknown_format", _("Ask for json or csv."))
        trial = _trial(request)
        found = access_during(days(on, on), trial.pk if trial else None)
        entries = [_entry(entry, names_patients=may(user, Permission.PATIENT_VIEW, trial))
                   for entry in found]  # fmt: skip
        action = Action.EXPORTED if form == "csv" else Action.VIEWED
        detail = {"on": on.isoformat(), "entries": len(entries)}
        record(
            action,
            by=user,
            at=at,
            resource="access_report",
            trial_id=trial.pk if trial else None,
            detail=detail,
        )
        if form == "csv":
            name = f"access-{on.isoformat()}.csv"
            kind = "text/csv; charset=utf-8"
            return streamed(request, _lines(entries), content_type=kind, file_name=name)
        told = {"on": on, "trial": trial and trial.pk, "digest": digest_of(found)}
        return Response({**told, "entries": entries})


def _trial(request: Request) -> Trial | None:
    """Return the trial that is asked about. Raises: NotFound, NotPermitted, ValidationError."""
    text = request.query_params.get("trial") or None
    if text is None:
        if not scope(request.user, Permission.ASSIGNMENT_VIEW).everywhere:
            raise NotPermitted(_("Name a trial: you may not see who has access everywhere."))
        return None
    try:
        key = UUID(text)
    except ValueError:
        raise _refused("trial", "invalid", _("This is not a UUID.")) from None
    found: Trial = find(visible(Trial.objects.all(), request.user, Permission.TRIAL_VIEW), key)
    held = scope(request.user, Permission.ASSIGNMENT_VIEW)
    # Whoever sees one site of it is not shown who works at the others.
    if not (held.everywhere or found.pk in held.trials):
        raise NotPermitted()
    return found


def _day(text: str | None, today: date) -> date:
    try:
        on = today if text is None else date.fromisoformat(text)
    except ValueError:
        raise _refused("on", "invalid_date", _("A day is written YYYY-MM-DD.")) from None
    if on > today or on.year < 1900:
        raise _refused("on", "invalid_date", _("This day has not come or is too long ago."))
    return on


def _refused(name: str, code: str, detail: str) -> ValidationError:
    return ValidationError({name: [detail]}, code=code)


def _entry(entry: Access, *, names_patients: bool) -> dict[str, Any]:
    is_told = entry.scope != "patient" or names_patients
    return {
        "person": entry.person,
        "username": entry.username,
        "display_name": entry.display_name,
        "organization": entry.organization,
        "via": entry.via,
        "what": entry.what,
        "scope": entry.scope,
        "place": entry.place if is_told else None,
        "place_name": entry.place_name if is_told else "",
        "since": entry.window.since,
        "until": entry.window.until,
        "granted_by": entry.granted_by,
    }


def _lines(entries: Iterable[Mapping[str, Any]]) -> Generator[bytes, None, None]:
    names = tuple(AccessSerializer().fields)
    yield _line(names)
    for entry in entries:
        yield _line([_text(entry[name]) for name in names])


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _text(value: Any) -> str:
    told = "" if value is None else getattr(value, "isoformat", value.__str__)()
    return cell(told)
