"""push-subscriptions/: the browsers by which one is told."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.services.sessions import Authenticated
from portal.api.fields import StrictCharField, StrictDecimalField, StrictSerializer
from portal.api.permissions import Open, Requirement
from portal.api.reasons import OnlyReasonSerializer
from portal.api.serializers import RecordSerializer
from portal.api.views import ListMixin, PortalView, ScopedViewSet, person
from portal.api.writes import Call, On, Write, WriteMixin
from portal.core.errors import Unavailable
from portal.notices.channels.push import public_key
from portal.notices.models import PushSubscription
from portal.notices.services.push import (
    Address,
    NotAPushKey,
    in_force,
    renew,
    subscribe,
    unsubscribe,
)


class PushUnavailable(Unavailable):
    """Web push is not set up here: no key is named."""

    code = "push_unavailable"


class PushKeySerializer(serializers.Serializer[Any]):
    """The key of the portal."""

    key = serializers.CharField(help_text="applicationServerKey of PushManager.subscribe()")


class PushSubscriptionSerializer(RecordSerializer):
    """A browser by which one is told; its address is kept to the portal itself."""

    host = serializers.CharField(help_text="The push service")


class PushKeysSerializer(StrictSerializer):
    """What the browser made, in base64url."""

    p256dh = StrictCharField(max_length=100)
    auth = StrictCharField(max_length=40)


class SubscribeForm(StrictSerializer):
    """A subscription as the browser tells it (PushSubscription.toJSON())."""

    endpoint = StrictCharField(max_length=2000)
    expirationTime = StrictDecimalField(  # noqa: N815 - the browser's word
        max_digits=20, decimal_places=6, required=False, allow_null=True
    )
    keys = PushKeysSerializer()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Add the session through which it came."""
        auth = self.context["request"].auth
        assert isinstance(auth, Authenticated)
        return {**attrs, "session": auth.session}


class RenewForm(SubscribeForm):
    """A subscription that takes the place of an earlier one, as `pushsubscriptionchange` tells."""

    previous_endpoint = StrictCharField(
        max_length=2000,
        allow_blank=True,
        default="",
        help_text="The endpoint before; empty where the browser does not say",
    )


def _decoded(text: str) -> bytes:
    try:
        raw = text.encode("ascii").rstrip(b"=")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotAPushKey() from None


def _address(call: Call) -> Address:
    keys = call.body["keys"]
    return Address(call.body["endpoint"], _decoded(keys["p256dh"]), _decoded(keys["auth"]))


def _subscribe(call: Call) -> PushSubscription:
    return subscribe(address=_address(call), session=call.body["session"], by=call.by, at=call.at)


def _renew(call: Call) -> PushSubscription:
    return renew(
        address=_address(call),
        previous=call.body["previous_endpoint"],
        session=call.body["session"],
        by=call.by,
        at=call.at,
    )


def _unsubscribe(call: Call) -> None:
    unsubscribe(subscription=call.record, by=call.by, at=call.at, reason=call.reason)


class PushSubscriptionViewSet(WriteMixin, ListMixin, ScopedViewSet):
    """push-subscriptions/."""

    queryset = PushSubscription.objects.all()
    serializer_class = PushSubscriptionSerializer
    permissions: ClassVar[Mapping[str, Requirement]] = {
        "list": Open.SIGNED_IN,
        "create": Open.SIGNED_IN,
        "renew": Open.SIGNED_IN,
        "destroy": Open.SIGNED_IN,
    }

    writes: ClassVar[Mapping[str, Write]] = {
        "create": Write(form=SubscribeForm, perform=_subscribe, on=On.NOTHING, status=201),
        "renew": Write(form=RenewForm, perform=_renew, on=On.NOTHING),
        "destroy": Write(form=OnlyReasonSerializer, perform=_unsubscribe, status=204),
    }

    def get_queryset(self) -> QuerySet[Any]:
        """Return one's own browsers that are told; one whose session was ended is not."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return in_force(person(self.request).pk)

    def seen(self, write: Write) -> QuerySet[Any]:
        """Return one's own browsers."""
        return self.get_queryset()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Be told by this browser, as long as the session is not ended by somebody."""
        return self.write()

    def renew(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on being told by this browser, whose address has changed by itself."""
        return self.write()

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Be told by this browser no more."""
        return self.write()


class PushKeyView(PortalView):
    """GET push-subscriptions/key/."""

    permissions: ClassVar[Mapping[str, Requirement]] = {"get": Open.SIGNED_IN}

    @extend_schema(operation_id="push_key", responses=PushKeySerializer)
    def get(self, request: Request) -> Response:
        """Return the public key with which a browser subscribes."""
        key = public_key()
        if not key:
            raise PushUnavailable()
        return Response({"key": key})
