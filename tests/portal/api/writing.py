"""Endpoints of the tests' own that write sites: what every write has is shown on them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.urls import include, path

from portal.access.permissions import Permission
from portal.api.fields import StrictCharField, StrictUUIDField
from portal.api.permissions import Requirement
from portal.api.reasons import OnlyReasonSerializer, ReasonedSerializer
from portal.api.views import RetrieveMixin, ScopedViewSet
from portal.api.writes import Call, Named, Write, WriteMixin
from portal.core.errors import InvalidInput, Unavailable
from trials.api.serializers import SiteDetailSerializer, SiteSerializer
from trials.models import Institution, Site, Trial
from trials.services.sites import change_site_status, open_site
from trials.vocabulary import SiteStatus


class OpenSiteSerializer(ReasonedSerializer):
    """A site to open."""

    trial = StrictUUIDField()
    code = StrictCharField(max_length=20)


def open_one(call: Call) -> Site:
    """Open a site at the first institution; some codes fail on purpose."""
    if call.body["code"] == "unavailable":
        raise Unavailable()
    institution = Institution.objects.order_by("id").first()
    assert institution is not None
    made = open_site(
        trial=call.record,
        institution=institution,
        code=call.body["code"],
        time_zone=None,
        by=call.by,
        at=call.at,
        reason=call.reason,
    )
    if made.code == "half":
        raise InvalidInput("Half of it was done.")
    return made


def activate(call: Call) -> Site:
    """Let the site be active."""
    return change_site_status(
        site=call.record, status=SiteStatus.CLOSED, by=call.by, at=call.at, reason=call.reason
    )


class SiteWrites(WriteMixin, RetrieveMixin, ScopedViewSet):
    """Sites, written."""

    queryset = Site.objects.all()
    serializer_class = SiteSerializer
    detail_serializer_class = SiteDetailSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "retrieve": Permission.SITE_VIEW,
        "create": Permission.SITE_CHANGE,
        "close": Permission.SITE_CHANGE,
    }
    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(
            form=OpenSiteSerializer,
            perform=open_one,
            on=Named("trial", Trial.objects.all(), Permission.TRIAL_VIEW),
            status=201,
        ),
        "close": Write(form=OnlyReasonSerializer, perform=activate, needs_reason=True),
    }

    def create(self, request: Any) -> Any:
        """Open a site."""
        return self.write()

    def close(self, request: Any, pk: Any) -> Any:
        """Close a site."""
        return self.write()


urlpatterns = [
    path("api/v1/test-sites/", SiteWrites.as_view({"post": "create"})),
    path("api/v1/test-sites/<uuid:pk>/", SiteWrites.as_view({"get": "retrieve"})),
    path("api/v1/test-sites/<uuid:pk>/close/", SiteWrites.as_view({"post": "close"})),
    path("", include("portal.urls")),
]
