"""The shell of the workbench: one page for all its addresses; what it shows comes from the API."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

BUILT = "workbench/"
_FILES = settings.BASE_DIR / "portal" / "static" / BUILT
MANIFEST = _FILES / "manifest.json"
WORKER = _FILES / "service-worker.js"
ENTRY = "src/main.ts"
# The first word of every address that the workbench has a page for.
PLACES = frozenset({"", "sign-in", "wall", "inbox"})


@dataclass(frozen=True, slots=True)
class Build:
    """The files that a browser needs first, by their address. Their names carry their hash."""

    script: str
    imports: tuple[str, ...]
    styles: tuple[str, ...]


@cache
def build() -> Build:
    """Read which files were built; once, for they change with the code alone."""
    chunks: dict[str, dict[str, Any]] = json.loads(MANIFEST.read_text())
    needed = list(dict.fromkeys(_needed(chunks, ENTRY)))
    # Not through static(): a second name for a file would be a second copy of its module.
    return Build(
        script=_address(chunks[ENTRY]["file"]),
        imports=tuple(_address(chunks[name]["file"]) for name in needed if name != ENTRY),
        styles=tuple(
            dict.fromkeys(_address(css) for name in needed for css in chunks[name].get("css", []))
        ),
    )


def _needed(chunks: Mapping[str, dict[str, Any]], name: str) -> Iterator[str]:
    for imported in chunks[name].get("imports", []):
        yield from _needed(chunks, imported)
    yield name


def _address(file: str) -> str:
    return f"{settings.STATIC_URL}{BUILT}{file}"


@cache
def worker() -> bytes:
    """Read the service worker; once, as the files."""
    return WORKER.read_bytes()


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Answer with the script that tells of messages while no page is open.

    Its address decides what it serves, so it stands at the top, not among the static files; a
    browser that has it asks each time whether there is another.
    """
    response = HttpResponse(worker(), content_type="text/javascript; charset=utf-8")
    response["Service-Worker-Allowed"] = "/"
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def workbench(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer with the shell; an address without a page is 404, and the shell says so too."""
    first = path.partition("/")[0]
    if "." in path.rpartition("/")[2]:
        raise Http404  # a file that was never there, such as /favicon.ico
    context = {"build": build(), "idle_seconds": settings.SESSION_COOKIE_AGE}
    response = HttpResponse(
        render_to_string("portal/workbench.html", context, request),
        status=HTTPStatus.OK if first in PLACES else HTTPStatus.NOT_FOUND,
    )
    response["Cache-Control"] = "no-store"
    return response
