"""What the protocol says, as JSON."""

from rest_framework import serializers

from portal.api.fields import WallTimeField
from portal.api.serializers import DetailMixin, NumberField, RecordSerializer, ReferenceField
from portal.notices.vocabulary import LadderKind, Who
from trials.vocabulary import (
    Blinding,
    DutyLine,
    Phase,
    PlanKind,
    SiteStatus,
    TrialStatus,
    VisitAnchor,
)


class TrialSerializer(RecordSerializer):
    """A trial."""

    number = serializers.CharField()
    title = serializers.CharField()
    phase = serializers.ChoiceField(choices=Phase.choices)
    status = serializers.ChoiceField(choices=TrialStatus.choices)
    blinding = serializers.ChoiceField(choices=Blinding.choices)
    sponsor = ReferenceField("sponsor")
    unblinded_at = serializers.DateTimeField(allow_null=True)
    safety_zone = serializers.CharField(help_text="IANA time zone of regulatory days")
    is_imported = serializers.BooleanField()


class TrialDetailSerializer(DetailMixin, TrialSerializer):
    """A trial, and what the reader may do with it."""


class SiteSerializer(RecordSerializer):
    """A site: an institution in a trial."""

    code = serializers.CharField()
    trial = ReferenceField("trial")
    institution = ReferenceField("institution")
    country = serializers.CharField(help_text="ISO 3166-1 alpha-3; empty: unknown")
    time_zone = serializers.CharField(allow_null=True, help_text="IANA time zone; null: unknown")
    status = serializers.ChoiceField(choices=SiteStatus.choices)
    activated_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class SiteDetailSerializer(DetailMixin, SiteSerializer):
    """A site, and what the reader may do with it."""


class _PlanPartSerializer(RecordSerializer):
    trial = ReferenceField("trial")
    protocol_version = ReferenceField("protocol_version")
    oid = serializers.CharField()


class ArmSerializer(_PlanPartSerializer):
    """A planned path through the trial."""

    code = serializers.CharField()
    name = serializers.CharField()
    ordinal = serializers.IntegerField()


class VisitPlanSerializer(_PlanPartSerializer):
    """A planned visit and its window."""

    visit_number = NumberField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=PlanKind.choices)
    anchor = serializers.ChoiceField(choices=VisitAnchor.choices)
    planned_day = serializers.IntegerField(allow_null=True, help_text="there is no day 0")
    window_before_days = serializers.IntegerField(allow_null=True)
    window_after_days = serializers.IntegerField(allow_null=True)
    arm = ReferenceField("arm", allow_null=True)


class LadderRungSerializer(RecordSerializer):
    """Whom a ladder tells, how long it waits for them, how often it tells them again."""

    ladder = ReferenceField("ladder")
    kind = serializers.ChoiceField(source="ladder__kind", choices=LadderKind.choices)
    site = serializers.UUIDField(
        source="ladder__site_id", allow_null=True, help_text="null: of the whole trial"
    )
    order = serializers.IntegerField(min_value=1)
    who = serializers.ChoiceField(choices=Who.choices)
    wait_minutes = serializers.IntegerField(min_value=1)
    repeat_every_minutes = serializers.IntegerField(min_value=0)
    most_repeats = serializers.IntegerField(min_value=0)


class RosterShiftSerializer(RecordSerializer):
    """Who is on duty at a site, by the site's own clock."""

    site = ReferenceField("site")
    line = serializers.ChoiceField(choices=DutyLine.choices)
    person = ReferenceField("person")
    phone = serializers.CharField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), help_text="Monday is 1"
    )
    from_time = WallTimeField()
    to_time = WallTimeField(help_text="equal to from_time: the whole day")
    from_on = serializers.DateField()
    to_on = serializers.DateField(allow_null=True)
