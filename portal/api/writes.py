"""Endpoints that write: declared in a table, checked in one order, done once.

The order is: identity, scope and permission, body, version stated (428), repeat of a request
(Idempotency-Key), version current (412), then the service. From the repeat on all is one
transaction: the change, its history, its messages and the kept answer commit together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from rest_framework.response import Response

from portal.access.permissions import Permission
from portal.access.scoping import may, visible
from portal.accounts.models import User
from portal.api import idempotency
from portal.api.errors import answer_with, problem_of
from portal.api.etags import check_version, stated_versions
from portal.api.fields import StrictSerializer
from portal.api.permissions import Requirement
from portal.api.reasons import ReasonedSerializer, reason_of
from portal.api.views import find, person
from portal.core import clock
from portal.core.errors import DomainError, NotPermitted


class On(Enum):
    """About which record a write is, besides one that the body names."""

    # The record in the address: it changes, so If-Match is required.
    RECORD = "record"
    # The record above, of a NestedMixin: something is added below it.
    ABOVE = "above"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Named:
    """The body names by `field` the record that the write is about.

    It must be seen by `seen_by`: otherwise there is no such record, whichever id is sent.
    """

    field: str
    rows: QuerySet[Any]
    seen_by: Permission


@dataclass(frozen=True, slots=True)
class Call:
    """What a write is told: who calls, about which record, with which body, when and why.

    `above` is the record above, of a NestedMixin.
    """

    by: User
    at: datetime
    reason: str
    record: Any
    body: Mapping[str, Any]
    above: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One action that writes.

    `perform` calls the service and returns the record to answer with, or None. `answer` is its
    serializer, the view's detail where none is named. `seen_by` is the permission by which a record
    in the address is seen, that of `retrieve` where none is named.
    """

    form: type[StrictSerializer]
    perform: Callable[[Call], Model | None]
    on: On | Named = On.RECORD
    status: int = 200
    needs_reason: bool = False
    answer: Any = None
    seen_by: Permission | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether If-Match is required."""
        return self.on is On.RECORD

    @property
    def takes_reason(self) -> bool:
        """Whether a reason may be given."""
        return issubclass(self.form, ReasonedSerializer)


class WriteMixin:
    """Adds writes to a ScopedViewSet. `writes` says by action what each takes and does.

    Every action has its entry in `permissions` too, and a method that returns `self.write()`.
    """

    writes: ClassVar[Mapping[str, Write]] = {}
    permissions: ClassVar[Mapping[str, Requirement]]
    queryset: Any
    request: Any
    action: str
    kwargs: dict[str, Any]

    def write(self) -> Response:
        """Check the request and do what it asks, once. Raises: DomainError, ValidationError."""
        write, request, by = self.writes[self.action], self.request, person(self.request)
        record = self._record(write)
        body = self._checked(write)
        if isinstance(write.on, Named):
            record = self._named(write.on, body)
        reason = reason_of(request, body, is_required=write.needs_reason)
        stated = stated_versions(request, record) if write.is_conditional else None
        call = Call(by, clock.now(), reason, record, body, getattr(self, "above", None))
        key = idempotency.keyed(request, by)
        with transaction.atomic():
            if key is None:
                return self._perform(write, call, stated)
            earlier = idempotency.answered(key, request)
            if earlier is not None:
                return earlier
            answer = self._answer(write, call, stated)
            idempotency.keep(key, answer, call.at)
            return answer

    def get_serializer_context(self) -> dict[str, Any]:
        """Offer the writes of a record beside the other actions."""
        context: dict[str, Any] = super().get_serializer_context()  # type: ignore[misc]
        offered = {
            name: required
            for name, required in self.permissions.items()
            if isinstance(required, Permission) and name in self.writes
            if self.writes[name].on is On.RECORD
        }
        return {**context, "actions": {**context["actions"], **offered}}

    def told(self, made: Any, write: Write) -> Any:
        """Return the JSON of the record that the service returned."""
        view: Any = self
        serializer = write.answer or view.detail_serializer_class or view.serializer_class
        rows = self.queryset.all() if type(made) is self.queryset.model else None
        shown = made if rows is None else find(rows, made.pk)
        return serializer(shown, context=self.get_serializer_context()).data

    def _record(self, write: Write) -> Any:
        """Return the record in the address. Raises: NotFound, NotPermitted."""
        if write.on is On.ABOVE:
            return self.above  # type: ignore[attr-defined]
        if write.on is not On.RECORD:
            return None
        record = find(self.seen(write), self.kwargs["pk"])
        return self._allowed(record)

    def seen(self, write: Write) -> QuerySet[Any]:
        """Return the records that the caller may know of."""
        seen_by = write.seen_by or self.permissions["retrieve"]
        assert isinstance(seen_by, Permission)
        return visible(self.queryset.all(), self.request.user, seen_by)

    def _named(self, named: Named, body: Mapping[str, Any]) -> Any:
        rows = visible(named.rows.all(), self.request.user, named.seen_by)
        return self._allowed(find(rows, body[named.field]))

    def _allowed(self, record: Any) -> Any:
        required = self.permissions[self.action]
        if isinstance(required, Permission) and not may(self.request.user, required, record):
            raise NotPermitted()
        return record

    def _checked(self, write: Write) -> dict[str, Any]:
        context = self.get_serializer_context()
        is_partial = self.request.method == "PATCH"
        form = write.form(data=self.request.data, partial=is_partial, context=context)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def _answer(self, write: Write, call: Call, stated: frozenset[str] | None) -> Response:
        """Perform it; a refusal that stays true is an answer too, and undoes what was begun."""
        try:
            with transaction.atomic():
                return self._perform(write, call, stated)
        except (DomainError, DatabaseError) as refused:
            problem = problem_of(refused)
            if problem.status not in idempotency.KEPT_STATUSES:
                raise
            return answer_with(problem, self.request)

    def _perform(self, write: Write, call: Call, stated: frozenset[str] | None) -> Response:
        if stated is not None:
            call = replace(call, record=_locked(call.record, stated))
        made = write.perform(call)
        if made is None:
            return Response(status=204)
        data = self.told(made, write)
        headers = {"ETag": f'"{data["version"]}"'} if "version" in data else {}
        return Response(data, status=write.status, headers=headers)


def _locked(record: Any, stated: frozenset[str]) -> Any:
    """Return the record as it is now, held until the end. Raises: VersionPassed."""
    held = type(record)._base_manager.select_for_update().get(pk=record.pk)
    check_version(held, stated)
    return held
