"""`manage.py check` fails when an action of the API has not said what it requires."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from portal.api.views import ScopedViewSet

_SAFE = ("get", "head")
_METHODS = ("get", "post", "put", "patch", "delete")


def endpoints(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the route and the callback of every pattern below `resolver`, or of the whole site."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def actions_of(callback: Any) -> dict[str, str]:
    """Return the action behind each method of a view."""
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    mapped = getattr(callback, "actions", None)
    if mapped:
        return dict(mapped)
    return {method: method for method in _METHODS if hasattr(view, method)}


def _is_declared_write(view: Any, action: str) -> bool:
    """Whether a record's write is in the table that makes it conditional and repeatable.

    Views without records (signing in, tickets, intake) have their own rules.
    """
    return not issubclass(view, ScopedViewSet) or action in getattr(view, "writes", {})


@register(Tags.security)
def check_declared_permissions(**_: Any) -> list[CheckMessage]:
    """Return an error for every action under /api/ without an entry in `permissions`."""
    errors: list[CheckMessage] = []
    for route, callback in endpoints():
        if not route.startswith("api/"):
            continue
        view = getattr(callback, "cls", None)
        declared = getattr(view, "permissions", {})
        for method, action in actions_of(callback).items():
            if method not in _SAFE and not _is_declared_write(view, action):
                errors.append(
                    Error(
                        f"/{route} offers {method.upper()} but its writes have no {action!r}.",
                        hint=f"Add {action!r} to `writes` of {view} (portal.api.writes).",
                        id="portal.api.E002",
                    )
                )
            if method != "head" and action not in declared:
                errors.append(
                    Error(
                        f"/{route} offers {method.upper()} but its permissions have no {action!r}.",
                        hint=f"Add {action!r} to `permissions` of {view}.",
                        id="portal.api.E001",
                    )
                )
    return errors
