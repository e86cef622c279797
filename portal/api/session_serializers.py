"""What is sent and answered when somebody signs in, and what they are told about themselves."""

from typing import Any

from rest_framework import serializers

from portal.access.roles import ROLES
from portal.accounts.models import UserKind
from portal.accounts.services.tokens import LONGEST_TOKEN
from portal.api.fields import StrictCharField, StrictSerializer


class SignInSerializer(StrictSerializer):
    """Name and password."""

    username = StrictCharField(max_length=150, trim_whitespace=False)
    password = StrictCharField(max_length=1000, trim_whitespace=False)
    otp = StrictCharField(
        max_length=20, required=False, help_text="One-time code, where the account asks for one."
    )


class RefreshSerializer(StrictSerializer):
    """The refresh token; absent where it travels in the cookie."""

    refresh = StrictCharField(max_length=LONGEST_TOKEN, required=False)


class EmptySerializer(StrictSerializer):
    """No body, or an empty object."""


class HeldRoleSerializer(serializers.Serializer[Any]):
    """A role and what it is held for."""

    role = serializers.ChoiceField(choices=sorted(ROLES))
    sponsor = serializers.UUIDField(allow_null=True)
    trial = serializers.UUIDField(allow_null=True)
    site = serializers.UUIDField(allow_null=True)


class PersonSerializer(serializers.Serializer[Any]):
    """A signed-in person."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    roles = HeldRoleSerializer(many=True)


class RefreshedSerializer(serializers.Serializer[Any]):
    """Fresh tokens; `refresh` is absent in cookie transport."""

    access = serializers.CharField()
    refresh = serializers.CharField(required=False)
    access_expires_at = serializers.DateTimeField()


class SignedInSerializer(RefreshedSerializer):
    """First tokens, and for whom."""

    user = PersonSerializer()


class AnchorPermissionsSerializer(serializers.Serializer[Any]):
    """What the person may do on one trial, site or patient."""

    id = serializers.UUIDField()
    permissions = serializers.ListField(child=serializers.CharField())


class PermissionsSerializer(serializers.Serializer[Any]):
    """What the person may do, and where."""

    portal = serializers.ListField(child=serializers.CharField())
    trials = AnchorPermissionsSerializer(many=True)
    sites = AnchorPermissionsSerializer(many=True)
    patients = AnchorPermissionsSerializer(many=True)


class SecurityEventSerializer(serializers.Serializer[Any]):
    """What the person must know: through which client somebody used a token a second time."""

    kind = serializers.ChoiceField(choices=["token_reused"])
    at = serializers.DateTimeField()
    session = serializers.UUIDField(help_text="The session that was ended because of it.")
    address = serializers.CharField(allow_null=True)
    program = serializers.CharField(allow_null=True)
    device = serializers.CharField(allow_null=True)


class MeSerializer(PersonSerializer):
    """The person who asks."""

    organization = serializers.CharField()
    language = serializers.CharField()
    kind = serializers.ChoiceField(choices=UserKind.values)
    permissions = PermissionsSerializer()
    security_events = SecurityEventSerializer(
        many=True, help_text="Of the last 30 days: tell the person."
    )
