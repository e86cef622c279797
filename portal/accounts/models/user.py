"""The user."""

from typing import Any, ClassVar
from uuid import UUID

import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.core import clock
from portal.core.constraints import one_of
from portal.core.history import tracked
from portal.core.ids import uuid7
from portal.core.triggers import announce_person, count_versions, gate_keeper, never_deleted


class UserKind(models.TextChoices):
    """Whether a person signs in with it, or a part of the portal acts by it."""

    PERSON = "person", _("Person")
    PATIENT = "patient", _("Patient")
    SERVICE = "service", _("Service")


class UserManager(BaseUserManager["User"]):
    """Finds users by their name, whatever its case."""

    def named(self, username: str) -> "models.QuerySet[User]":
        """Return the user of that name, found by the unique index on its lower case."""
        return self.alias(folded_name=Lower("username")).filter(
            folded_name=Lower(models.Value(username))
        )

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of that name. Raises: User.DoesNotExist."""
        return self.named(username or "").get()


# The sessions are locked before the gates, in the order of whoever ends a session.
_KEEP_GATES = gate_keeper(
    "updated",
    pgtrigger.UpdateOf("is_active", "session_version"),
    "SELECT s.patient_id FROM public.accounts_session s WHERE s.user_id = NEW.id "
    "AND s.kind = 'device' AND s.patient_id IS NOT NULL ORDER BY s.id FOR NO KEY UPDATE",
    condition=pgtrigger.AnyChange("is_active", "session_version"),
)


@tracked(exclude=("password", "last_login"))
class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can act. Rights come from assignments alone (ADR 0005)."""

    id: "models.UUIDField[UUID, UUID]" = models.UUIDField(
        primary_key=True, default=uuid7, editable=False
    )
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    username = models.CharField(_("user name"), max_length=150)
    display_name = models.CharField(_("display name"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    organization = models.CharField(_("organization"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    kind = models.CharField(
        _("kind"), max_length=10, choices=UserKind.choices, default=UserKind.PERSON
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may open the admin"), default=False)
    # Raised whenever every token of the person must stop: password, roles, deactivation.
    session_version = models.PositiveIntegerField(default=1, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        triggers: ClassVar[list[Any]] = [
            count_versions(),
            never_deleted(),
            announce_person("id", pgtrigger.UpdateOf("is_active", "session_version")),
            _KEEP_GATES,
        ]
        constraints: ClassVar[list[Any]] = [
            UniqueConstraint(Lower("username"), name="username_is_unique_whatever_its_case"),
            CheckConstraint(condition=Q(is_superuser=False), name="nobody_is_superuser"),
            one_of("kind", UserKind.values, name="user_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        """Return the name to show to people."""
        return self.display_name or self.username
