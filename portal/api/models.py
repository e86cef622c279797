"""What the API itself keeps: the answers to requests that may be repeated."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from portal.core.models import TimestampedModel


class StoredAnswer(TimestampedModel):
    """What a person was answered under an idempotency key, sealed, until it is forgotten.

    Written in the transaction of the change that it tells of, and never changed. No clinical
    record: it repeats what the caller was told already, and no history may outlive it.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )
    key = models.UUIDField(_("idempotency key"))
    answer = models.BinaryField(_("answer, sealed"))

    class Meta:
        verbose_name = _("stored answer")
        verbose_name_plural = _("stored answers")
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(fields=["person", "key"], name="an_idempotency_key_is_used_once")
        ]
        indexes: ClassVar[list[Any]] = [
            Index(fields=["created_at"], name="storedanswer_oldest"),
        ]

    def __str__(self) -> str:
        return str(self.key)
