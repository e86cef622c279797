"""The OpenAPI document: complete, without warnings, with every refusal declared."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from portal.access.permissions import Permission
from portal.api.permissions import Open
from portal.api.problems import CODES, ENVELOPE_TYPE, PROBLEM_TYPE, TITLES

_JSON = "application/json"
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "A stable word, such as `not_found`."},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer into the body, or to a query parameter.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_PARTIAL_DATE_TIME: Mapping[str, Any] = {
    "type": "string",
    "description": "An ISO 8601 date of any precision; a missing middle part is a hyphen.",
    "pattern": (
        r"^(\d{4}|-)(-(\d{2}|-)(-(\d{2}|-))?)?"
        r"(T(\d{2}|-)(:(\d{2}|-)(:\d{2}(\.\d{1,6})?)?)?(Z|[+-]\d{2}:\d{2})?)?$"
    ),
    "example": "2013-05",
}


_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag: 304 is answered while the record has this version.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag that was read: 428 without it, 412 when the record has changed since.",
)
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.UUID,
    OpenApiParameter.HEADER,
    description="A request that is repeated under its key is answered again and not done again.",
)
_CHANGE_REASON = OpenApiParameter(
    "X-Change-Reason",
    str,
    OpenApiParameter.HEADER,
    description="Why, in UTF-8, percent-encoded; `change_reason` in the body prevails.",
)


class BearerScheme(OpenApiAuthenticationExtension):
    """How the document names our tokens."""

    target_class = "portal.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class PortalSchema(AutoSchema):
    """Reads from the view what it requires."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Return the token for everything that is not open to everybody."""
        return [] if self._requirement is Open.EVERYBODY else super().get_auth()

    def get_extensions(self) -> dict[str, Any]:
        """Name the permission that the operation requires."""
        required = self._requirement
        return {"x-permission": required.value} if isinstance(required, Permission) else {}

    def get_override_parameters(self) -> list[Any]:
        """Declare the headers of reading a single record, and of writing."""
        write = self._write
        if write is not None:
            return [
                *([_IDEMPOTENCY_KEY] if self.method == "POST" else []),
                *([IF_MATCH] if write.is_conditional else []),
                *([_CHANGE_REASON] if write.takes_reason else []),
            ]
        return [_IF_NONE_MATCH] if getattr(self.view, "action", None) == "retrieve" else []

    def get_request_serializer(self) -> Any:
        """Return the form of a write."""
        return self._write.form if self._write else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        """Return what a write answers."""
        write = self._write
        if write is None:
            return super().get_response_serializers()
        if write.status == HTTPStatus.NO_CONTENT:
            return {write.status: None}
        view: Any = self.view
        answer = write.answer or view.detail_serializer_class or view.serializer_class
        return {write.status: answer}

    def get_filter_backends(self) -> list[Any]:
        """Filters belong to lists."""
        return super().get_filter_backends() if self._is_list_view() else []

    @property
    def _write(self) -> Any:
        """The entry of a view's table of writes (portal.api.writes)."""
        return getattr(self.view, "writes", {}).get(getattr(self.view, "action", None))

    @property
    def _requirement(self) -> Any:
        view: Any = self.view
        return view.permissions.get(getattr(view, "action", None) or self.method.lower())


def declare_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Declare every refusal of every operation, the envelope, and the types of our own."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = dict(_PROBLEM)
    schemas["PartialDateTime"] = dict(_PARTIAL_DATE_TIME)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    used: set[int] = set()
    for path in result["paths"].values():
        for operation in path.values():
            _wrap_envelopes(operation)
            _declare_version(operation)
            for status in _refusals(operation):
                used.add(status)
                reference = {"$ref": f"#/components/responses/Problem{status}"}
                operation["responses"].setdefault(str(status), reference)
    result["components"]["responses"] = {
        f"Problem{status}": _refusal(status) for status in sorted(used)
    }
    return result


def _refusals(operation: Mapping[str, Any]) -> list[int]:
    """Return the statuses with which an operation may refuse."""
    statuses = [400, 406, 503]
    if operation.get("security"):
        statuses += [401, 403]
    if any(p["in"] == "path" for p in operation.get("parameters", ())):
        statuses.append(404)
    # The site or trial of a wall is named by the query.
    if operation["operationId"].startswith("wall_"):
        statuses.append(404)
    if "requestBody" in operation:
        statuses += [413, 415]
    names = _headers_of(operation)
    if names & {"Idempotency-Key", "If-Match"}:
        statuses += [404, 409]
    if "If-Match" in names:
        statuses += [412, 428]
    if operation["operationId"].startswith("intake_") and "requestBody" in operation:
        statuses += [404, 408, 409, 429]
    if operation["operationId"] == "auth_sign_in":
        statuses += [401, 429]
    if operation["operationId"] == "auth_refresh":
        statuses.append(401)
    return sorted(set(statuses))


def _refusal(status: int) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": f"{TITLES[status]} (`{CODES[status]}` and others).",
        "content": {
            PROBLEM_TYPE: {"schema": problem},
            ENVELOPE_TYPE: {"schema": _enveloped(problem, status)},
        },
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    if status in (412, 428):
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return answer


def _wrap_envelopes(operation: Mapping[str, Any]) -> None:
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if ENVELOPE_TYPE in content:
            inner = content[_JSON]["schema"]
            content[ENVELOPE_TYPE] = {"schema": _enveloped(inner, 0)}


def _enveloped(inner: Any, code: int) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "message", "data"],
        "properties": {
            "code": {"type": "integer", "enum": [code]},
            "message": {"type": "string"},
            "data": inner,
        },
    }


def _headers_of(operation: Mapping[str, Any]) -> set[str]:
    return {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}


def _declare_version(operation: dict[str, Any]) -> None:
    names = _headers_of(operation)
    tag = {"ETag": {"schema": {"type": "string"}, "description": "The version, quoted."}}
    if "If-None-Match" in names:
        operation["responses"]["200"]["headers"] = tag
        operation["responses"]["304"] = {"description": "The version is known.", "headers": tag}
    again = {"Idempotency-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
    for status, answer in operation["responses"].items():
        if status[0] == "2" and names & {"Idempotency-Key", "If-Match"}:
            has_body = tag if "content" in answer else {}
            answer["headers"] = {**has_body, **(again if "Idempotency-Key" in names else {})}
