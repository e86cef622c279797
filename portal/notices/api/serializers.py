"""What is told and what is asked of notices."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import (
    InstantField,
    StrictCharField,
    StrictSerializer,
    StrictUUIDField,
    WallTimeField,
)
from portal.api.reasons import ReasonedSerializer
from portal.api.serializers import RecordSerializer, ReferenceField
from portal.notices.channels.base import Outcome
from portal.notices.kinds import KIND_CHOICES
from portal.notices.vocabulary import Channel, Urgency, Way

MOST_AT_ONCE = 500


class NextStepSerializer(serializers.Serializer[Any]):
    """What happens unless somebody acknowledges."""

    at = serializers.DateTimeField()
    who = serializers.CharField(help_text="Whom the next rung names, in words.")
    channel = serializers.ChoiceField(choices=Channel.choices)


class NoticeSerializer(serializers.Serializer[Any]):
    """A notice of a person. `sequence` counts theirs, without a gap."""

    id = serializers.UUIDField()
    version = serializers.IntegerField(min_value=1)
    created_at = serializers.DateTimeField()
    sequence = serializers.IntegerField(min_value=1)
    kind = serializers.ChoiceField(choices=KIND_CHOICES)
    urgency = serializers.ChoiceField(choices=Urgency.choices)
    resource = serializers.CharField()
    record = serializers.UUIDField()
    title = serializers.CharField()
    trial = serializers.UUIDField(allow_null=True)
    site = serializers.UUIDField(allow_null=True)
    subject_number = serializers.CharField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.UUIDField(allow_null=True)
    acknowledged_by_name = serializers.CharField(allow_null=True)
    comment = serializers.CharField()
    is_bulk = serializers.BooleanField(help_text="Whether it may be acknowledged with others.")
    next_step = NextStepSerializer(allow_null=True)


class SendingSerializer(serializers.Serializer[Any]):
    """One attempt to reach the person outside the portal; sent is not reached."""

    channel = serializers.ChoiceField(choices=Way.choices)
    attempt = serializers.IntegerField(min_value=1)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    at = serializers.DateTimeField()


class NoticeDetailSerializer(NoticeSerializer):
    """A notice with what was tried to reach the person."""

    sendings = SendingSerializer(many=True)
    allowed_actions = serializers.ListField(child=serializers.CharField())


class AcknowledgeNoticeForm(StrictSerializer):
    """Words for whoever looks next."""

    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class AcknowledgeNoticesForm(AcknowledgeNoticeForm):
    """Several, with one comment."""

    ids = serializers.ListField(child=StrictUUIDField(), allow_empty=False, max_length=MOST_AT_ONCE)


class SeenForm(StrictSerializer):
    """What one has looked at."""

    ids = serializers.ListField(child=StrictUUIDField(), allow_empty=False, max_length=MOST_AT_ONCE)


class AcknowledgedSerializer(serializers.Serializer[Any]):
    """What was acknowledged, as it then stands."""

    results = NoticeSerializer(many=True)


class StatisticSerializer(serializers.Serializer[Any]):
    """How soon one person of one site says that they have it."""

    trial = serializers.UUIDField()
    site = serializers.UUIDField(allow_null=True)
    person = serializers.UUIDField()
    person_name = serializers.CharField()
    told = serializers.IntegerField(min_value=0)
    acknowledged = serializers.IntegerField(min_value=0)
    mean_seconds_to_acknowledge = serializers.IntegerField(allow_null=True)
    overdue = serializers.IntegerField(min_value=0, help_text="Now.")


class StatisticsSerializer(serializers.Serializer[Any]):
    """By site and person."""

    results = StatisticSerializer(many=True)


class PreferenceSerializer(serializers.Serializer[Any]):
    """How one is told. What concerns safety asks none of it."""

    version = serializers.IntegerField(min_value=0)
    email = serializers.BooleanField()
    push = serializers.BooleanField()
    digest = serializers.BooleanField()
    digest_at = WallTimeField(help_text="By the clock of `time_zone`.")
    quiet_from = WallTimeField(allow_null=True)
    quiet_until = WallTimeField(allow_null=True)
    time_zone = serializers.CharField(help_text="IANA time zone")


class PreferenceForm(StrictSerializer):
    """How one wants to be told."""

    email = serializers.BooleanField()
    push = serializers.BooleanField()
    digest = serializers.BooleanField()
    digest_at = WallTimeField()
    quiet_from = WallTimeField(allow_null=True)
    quiet_until = WallTimeField(allow_null=True)
    time_zone = serializers.CharField(max_length=64)


class AbsenceSerializer(RecordSerializer):
    """Somebody is away, and who stands in."""

    person = ReferenceField("person")
    person_name = serializers.CharField()
    deputy = ReferenceField("deputy")
    deputy_name = serializers.CharField()
    from_at = serializers.DateTimeField()
    to_at = serializers.DateTimeField()


class AbsenceForm(ReasonedSerializer):
    """From when until when one is away, and who stands in: by id, or by user name."""

    deputy = StrictUUIDField(required=False)
    deputy_username = StrictCharField(max_length=150, required=False)
    from_at = InstantField()
    to_at = serializers.DateTimeField()
