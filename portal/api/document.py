"""The OpenAPI document and the page that shows it, both public, with nothing from elsewhere."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.permissions import Open, Requirement
from portal.api.renderers import JSONRenderer
from portal.api.views import PortalView


class YamlRenderer(OpenApiYamlRenderer):
    """The document as YAML; a problem stays JSON."""

    media_type = "application/yaml"
    format = "yaml"

    def render(self, data: Any, media_type: Any = None, renderer_context: Any = None) -> Any:
        """Return the bytes."""
        if renderer_context and renderer_context["response"].status_code >= 400:
            return JSONRenderer().render(data)
        return super().render(data, media_type, renderer_context)


class OasJsonRenderer(JSONRenderer):
    """JSON under the name that OpenAPI registered."""

    media_type = "application/vnd.oai.openapi+json"


class OasYamlRenderer(YamlRenderer):
    """YAML under the name that OpenAPI registered."""

    media_type = "application/vnd.oai.openapi"


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the whole document, in English, made once for each process."""
    with override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


class SchemaView(PortalView):
    """GET schema/."""

    schema = None
    authentication_classes = []
    renderer_classes = [
        JSONRenderer,
        YamlRenderer,
        OasJsonRenderer,
        OasYamlRenderer,
    ]
    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.EVERYBODY}
    parameters: ClassVar[frozenset[str]] = frozenset({"format"})

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Let `?format=` prevail over Accept. Raises: ValidationError."""
        wanted = request.query_params.get("format")
        if wanted is None or force:
            return super().perform_content_negotiation(request, force)
        for renderer in self.get_renderers():
            if renderer.format == wanted:
                return renderer, renderer.media_type
        raise ValidationError({"format": [_("Ask for json or yaml.")]}, code="unknown_format")

    def get(self, request: Request) -> Response:
        """Return the document."""
        return Response(document())


class _AnyAccept(DefaultContentNegotiation):
    """A page is a page, whatever the browser prefers."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type


class DocsView(PortalView):
    """GET docs/."""

    schema = None
    authentication_classes = []
    content_negotiation_class = _AnyAccept
    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.EVERYBODY}

    def get(self, request: Request) -> HttpResponse:
        """Return the page; its script and style are files of ours."""
        return HttpResponse(render_to_string("portal/api/docs.html", request=request._request))
