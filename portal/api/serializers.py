"""Parts that every record's serializer is made of."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.scoping import allowed_actions


class RecordSerializer(serializers.Serializer[Any]):
    """What every record has. `columns_of` names what each computed field is computed from."""

    columns_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(read_only=True, min_value=1)
    created_at = serializers.DateTimeField(read_only=True)


class DetailMixin(serializers.Serializer[Any]):
    """What a single record has besides: what the reader may do with it."""

    allowed_actions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_allowed_actions(self, record: Any) -> list[str]:
        """Return the names of the actions open to the reader."""
        user = self.context["request"].user
        return allowed_actions(user, record, self.context["actions"])


class ReferenceField(serializers.UUIDField):
    """The id of another record, read without loading it."""

    def __init__(self, to: str, **kwargs: Any) -> None:
        super().__init__(source=f"{to}_id", read_only=True, **kwargs)


class CodeField(serializers.ChoiceField):
    """A term of a codelist, null where none is stated."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices, read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        """Return the code; a blank is no statement."""
        return value or None


@extend_schema_field({"type": "number"})
class NumberField(serializers.Field[Any, Any, Any, Any]):
    """A decimal as a JSON number, without the zeros that the column's scale adds."""

    def to_representation(self, value: Any) -> Any:
        """Return a whole number, or the decimal with the digits that count."""
        if value == value.to_integral_value():
            return int(value)
        return value.normalize()
