"""Base classes of every table."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from portal.core import clock
from portal.core.ids import uuid7
from portal.core.triggers import count_versions


class TimestampedModel(models.Model):
    """A row with a UUIDv7 key and the instant at which it was made."""

    id: "models.UUIDField[UUID, UUID]" = models.UUIDField(
        primary_key=True, default=uuid7, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True


class VersionedModel(TimestampedModel):
    """A row whose changes are counted by the database: `version` is the ETag."""

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True
        triggers: ClassVar[list[Any]] = [count_versions()]


# Tables outside the public schema, by model label; `migrate` moves them there.
SCHEMA_OF: dict[str, str] = {}


def in_schema(name: str) -> Any:
    """Put a model's table, and its history's, in the schema `name` (ADR 0004)."""

    def decorate(model: type[models.Model]) -> type[models.Model]:
        SCHEMA_OF[model._meta.label] = name
        return model

    return decorate
