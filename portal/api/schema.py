"""The OpenAPI document: complete, without warnings, with every refusal declared."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
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
        """Declare the conditional read of single records."""
        if getattr(self.view, "action", None) != "retrieve":
            return []
        return [
            OpenApiParameter(
                "If-None-Match",
                str,
                OpenApiParameter.HEADER,
                description="An ETag: 304 is answered while the record has this version.",
            )
        ]

    def get_filter_backends(self) -> list[Any]:
        """Filters belong to lists."""
        return super().get_filter_backends() if self._is_list_view() else []

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
    if "requestBody" in operation:
        statuses += [413, 415]
    if operation["operationId"] == "auth_sign_in":
        statuses += [401, 429]
    if operation["operationId"] == "auth_refresh":
        statuses.append(401)
    return sorted(statuses)


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


def _declare_version(operation: dict[str, Any]) -> None:
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "If-None-Match" in names:
        tag = {"ETag": {"schema": {"type": "string"}, "description": "The version, quoted."}}
        operation["responses"]["200"]["headers"] = tag
        operation["responses"]["304"] = {"description": "The version is known.", "headers": tag}
