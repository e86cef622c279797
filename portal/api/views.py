"""Base classes of every endpoint: declared permission, scope, language, versions, strictness."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from portal.access.permissions import Permission
from portal.access.scoping import may, visible
from portal.accounts.models import User
from portal.api.etags import etag_of, is_known
from portal.api.pagination import NEWEST_FIRST, KeysetPagination, Ordering
from portal.api.people import role_codes
from portal.api.permissions import Requirement
from portal.api.refusals import record_refusal
from portal.api.rows import plan_of
from portal.core import clock
from portal.core.errors import NotFound, NotPermitted
from portal.core.history import Source, circumstances, under
from portal.core.urgency import urgent

# What the two kinds of address below a resource do.
LIST: dict[str, Any] = {"get": "list"}
DETAIL: dict[str, Any] = {"get": "retrieve"}


def person(request: Request) -> User:
    """Return the signed-in person; the action has required one."""
    assert isinstance(request.user, User)
    return request.user


class EdgeMixin:
    """What all endpoints share. `permissions` names what each action requires.

    The actions in `urgent` are served with what is kept back for them when everything is used up.
    """

    http_method_names: Sequence[str] = ["get", "head", "post", "put", "patch", "delete"]
    permissions: ClassVar[Mapping[str, Requirement]] = {}
    parameters: ClassVar[frozenset[str]] = frozenset()
    urgent: ClassVar[frozenset[str]] = frozenset()

    @property
    def requirement(self) -> Requirement | None:
        """What the action at hand requires, None where nobody has said."""
        method = self.request.method.lower()  # type: ignore[attr-defined]
        action = getattr(self, "action", None) or ("get" if method == "head" else method)
        return self.permissions.get(action)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the request; whatever it writes came by way of the API."""
        action = getattr(self, "action_map", {}).get((request.method or "").lower(), "")
        with under(source=Source.API), urgent(action in self.urgent):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Let a body sent in chunks, without its length, be read like any other."""
        if "HTTP_TRANSFER_ENCODING" in request.META:
            request.META.setdefault("CONTENT_LENGTH", str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
        return super().initialize_request(request, *args, **kwargs)  # type: ignore[misc]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check method, identity, permission and parameters, in this order."""
        if (request.method or "").lower() not in self.http_method_names or not hasattr(
            self, (request.method or "").lower()
        ):
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.check_parameters(request)
        if request.method not in SAFE_METHODS and request.user.is_authenticated:
            _declare_circumstances(request.user)

    def known_parameters(self) -> frozenset[str]:
        """Return the names of the query parameters that the action reads."""
        return self.parameters

    def check_parameters(self, request: Request) -> None:
        """Refuse what would otherwise be ignored. Raises: ValidationError."""
        known = self.known_parameters()
        refused: dict[str, list[Any]] = {}
        for name, values in request.query_params.lists():
            if name not in known:
                refused[name] = _part(_("There is no such parameter here."), "unknown_parameter")
            elif len(values) > 1:
                refused[name] = _part(_("Give the parameter once."), "repeated_parameter")
        if refused:
            raise ValidationError(refused)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Record a refusal; tell the client in time that its access token is about to end."""
        answer: Response = super().finalize_response(  # type: ignore[misc]
            request, response, *args, **kwargs
        )
        record_refusal(request, self, answer.status_code)
        # `_auth` is there once somebody was authenticated; asking for `auth` would try again.
        expires_at = getattr(getattr(request, "_auth", None), "expires_at", None)
        if expires_at is not None:
            left = expires_at - clock.now()
            if left < settings.ACCESS_TOKEN_LIFETIME / 4:
                answer["X-Token-Refresh-Required"] = "true"
                answer["X-Token-Expires-At"] = expires_at.isoformat().replace("+00:00", "Z")
        return answer


def _declare_circumstances(user: User) -> None:
    """Say for the history as what the caller acts; dispatch() takes it back."""
    held = replace(
        circumstances.get(), role=" ".join(role_codes(user)), organization=user.organization
    )
    circumstances.set(held)


def _part(detail: str, code: str) -> list[Any]:
    return ValidationError([detail], code=code).detail  # type: ignore[return-value]


class PortalView(EdgeMixin, APIView):
    """An endpoint that is no collection of records."""


class ScopedViewSet(EdgeMixin, GenericViewSet[Any]):
    """Reads one kind of record, within the caller's scope: elsewhere nothing exists.

    `actions` are the names and permissions behind `allowed_actions` of a detail.
    """

    queryset: QuerySet[Any]
    detail_serializer_class: ClassVar[Any] = None
    actions: ClassVar[Mapping[str, Permission]] = {}
    orderings: ClassVar[Mapping[str, Ordering]] = {
        "-created_at": NEWEST_FIRST,
        "created_at": Ordering("created_at", descending=False),
    }
    default_ordering: ClassVar[str] = "-created_at"
    lookup_value_converter = "uuid"

    @property
    def permission(self) -> Permission:
        """The permission that scopes the action's rows."""
        required = self.requirement
        assert isinstance(required, Permission)
        return required

    def known_parameters(self) -> frozenset[str]:
        """Return the parameters of a list; a single record has none."""
        if self.action != "list":
            return self.parameters
        filters = getattr(self, "filterset_class", None)
        names = frozenset(filters.base_filters) if filters else frozenset()
        return names | KeysetPagination.parameters | self.parameters

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows of the caller's scope."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return visible(self.queryset.all(), self.request.user, self.permission)

    def get_object(self) -> Any:
        """Return the record. Raises: NotFound, the same for out of scope and for never made."""
        return find(self.get_queryset(), self.kwargs["pk"])

    def get_serializer_class(self) -> Any:
        """Return the serializer of the list or of the detail."""
        if self.action != "list" and self.detail_serializer_class is not None:
            return self.detail_serializer_class
        return self.serializer_class

    def get_serializer_context(self) -> dict[str, Any]:
        """Pass what `allowed_actions` needs."""
        return {**super().get_serializer_context(), "actions": self.actions}


class ListMixin:
    """GET of the collection."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one page of the records in scope."""
        return self.paged(self.get_queryset())  # type: ignore[attr-defined]

    def paged(self, *parts: QuerySet[Any, Any]) -> Response:
        """Return one page of the rows of all `parts`, whose columns agree."""
        view: Any = self
        plan = plan_of(view.serializer_class)
        order = [view.orderings[view.default_ordering].field]
        narrowed = tuple(plan.narrow(view.filter_queryset(part), *order) for part in parts)
        page = view.paginate_queryset(narrowed)
        response: Response = view.get_paginated_response(plan.tell(page))
        return response


class RetrieveMixin:
    """GET of one record, with its version as ETag."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the record, or 304 to those who have this version."""
        record = self.get_object()  # type: ignore[attr-defined]
        tag = etag_of(record)
        if is_known(request, tag):
            return Response(status=304, headers={"ETag": tag})
        data = self.get_serializer(record).data  # type: ignore[attr-defined]
        return Response(data, headers={"ETag": tag})


class NestedMixin:
    """A list below one record: that record must be visible, and the rows are scoped themselves.

    `parent` are all records of the kind above, seen by `parent_permission`; `parent_field` is the
    reference to it.
    """

    parent: ClassVar[QuerySet[Any]]
    parent_permission: ClassVar[Permission]
    parent_field: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look for the record above before anything is said of the rows. Raises: NotFound."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.above = find(
            visible(self.parent.all(), request.user, self.parent_permission),
            self.kwargs["pk"],  # type: ignore[attr-defined]
        )
        # It is seen, so its rows are no secret: 403, not 404.
        if not may(request.user, self.permission, self.above):  # type: ignore[attr-defined]
            raise NotPermitted()

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows of the record above that are in scope themselves."""
        rows: QuerySet[Any] = super().get_queryset()  # type: ignore[misc]
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(**{self.parent_field: self.above})


def find(rows: QuerySet[Any], pk: Any) -> Any:
    """Return the row with that key. Raises: NotFound."""
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist:
        raise NotFound() from None
