"""Sessions and their refresh tokens. No token is stored, only digests of token ids."""

from typing import Any, ClassVar
from uuid import UUID

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.models.user import User
from portal.core.constraints import both_or_neither, one_of
from portal.core.history import tracked
from portal.core.models import TimestampedModel, VersionedModel
from portal.core.triggers import announce_person, gate_keeper, share


class SessionKind(models.TextChoices):
    """Through what the person works."""

    WEB = "web", _("Browser or program, by token")
    DEVICE = "device", _("Phone of a patient or bedside gateway, by device token")
    DESK = "desk", _("Admin, by cookie")


class EndReason(models.TextChoices):
    """Why a session stopped before its time, or at it."""

    SIGNED_OUT = "signed_out", _("Signed out")
    REVOKED = "revoked", _("Revoked")
    REUSED = "reused", _("A refresh token was used twice")
    DEACTIVATED = "deactivated", _("The account was deactivated")
    PASSWORD_CHANGED = "password_changed", _("The password was changed")
    ROLES_CHANGED = "roles_changed", _("The roles were changed")
    EXPIRED = "expired", _("Expired")


def _keep_gates() -> list[Any]:
    """The triggers that keep what the gates of patients know of their phones' sessions.

    Who takes an account's tokens away looks for the sessions that are there: a session that comes
    meanwhile waits for them, or they for it.
    """
    device = "r.kind = 'device' AND r.patient_id IS NOT NULL"
    named = "r.id, r.user_id, r.kind, r.patient_id"
    new, old = (
        f"SELECT r.patient_id FROM {rows} r WHERE {device}"  # noqa: S608 - the code's own names
        for rows in ("new_values", "old_values")
    )
    came = f"SELECT r.user_id FROM new_values r WHERE {device}"  # noqa: S608 - as above
    became = (
        f"SELECT b.user_id FROM (SELECT {named} FROM new_values r "  # noqa: S608 - as above
        f"EXCEPT SELECT {named} FROM old_values r) b"
    )
    return [
        gate_keeper(
            "inserted",
            pgtrigger.Insert,
            new,
            sides=pgtrigger.Referencing(new="new_values"),
            first=share("accounts_user", came),
        ),
        gate_keeper(
            "updated",
            pgtrigger.Update,
            f"{new} UNION {old}",
            sides=pgtrigger.Referencing(old="old_values", new="new_values"),
            first=share("accounts_user", became),
        ),
        gate_keeper(
            "deleted", pgtrigger.Delete, old, sides=pgtrigger.Referencing(old="old_values")
        ),
    ]


@tracked()
class Session(VersionedModel):
    """One sign-in and all the tokens that follow from it; every request is checked against it.

    `session_version` is the user's at sign-in: the session stops once the user's has moved on.
    """

    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=SessionKind.choices)
    # No foreign key: patients lie above accounts.
    patient_id: "models.UUIDField[UUID | None, UUID | None]" = models.UUIDField(
        _("patient"), null=True, editable=False
    )
    # A bedside gateway's session names its site instead.
    site_id: "models.UUIDField[UUID | None, UUID | None]" = models.UUIDField(
        _("site"), null=True, editable=False
    )
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("ended"), null=True)
    revoked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("ended by")
    )
    revoked_reason = models.CharField(
        _("why it ended"), max_length=20, choices=EndReason.choices, blank=True
    )
    session_version = models.PositiveIntegerField(editable=False)
    user_agent = models.CharField(_("program"), max_length=300, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    device_id = models.CharField(_("device"), max_length=100, blank=True)

    class Meta(VersionedModel.Meta):
        abstract = False
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints: ClassVar[list[Any]] = [
            one_of("kind", SessionKind.values, name="session_kind_is_known"),
            both_or_neither("revoked_at", "revoked_by", name="session_ended_by_and_at"),
            CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_reason="")
                | Q(revoked_at__isnull=False, revoked_reason__in=EndReason.values),
                name="session_ended_for_a_known_reason",
            ),
            CheckConstraint(
                condition=~Q(kind=SessionKind.DEVICE)
                | Q(patient_id__isnull=False, site_id__isnull=True)
                | Q(patient_id__isnull=True, site_id__isnull=False),
                name="device_session_names_its_patient_or_its_site",
            ),
            CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="session_expires_after_it_began"
            ),
        ]
        indexes: ClassVar[list[Index]] = [
            Index("user", F("created_at").desc(), name="session_of_user_newest_first"),
            Index(
                "expires_at", condition=Q(revoked_at__isnull=True), name="session_open_by_expiry"
            ),
            Index("patient_id", condition=Q(patient_id__isnull=False), name="session_of_patient"),
        ]
        triggers: ClassVar[list[Any]] = [
            *VersionedModel.Meta.triggers,
            announce_person("user_id", pgtrigger.UpdateOf("revoked_at", "expires_at")),
            *_keep_gates(),
        ]

    def __str__(self) -> str:
        return str(self.id)


@tracked()
class RefreshToken(TimestampedModel):
    """One refresh token of a session: used once, followed by exactly one successor.

    The token itself is never stored. Its id (jti) is, as a digest; the successor's id is derived
    from its parent's by a keyed hash, so that a repeat within the grace can be answered with the
    very same successor.
    """

    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="refresh_tokens", verbose_name=_("session")
    )
    parent = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="successor", editable=False
    )
    jti_digest = models.CharField(max_length=64, unique=True, editable=False)
    issued_at = models.DateTimeField(_("issued"))
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)
    # A digest of what the client said it is: only the same one is given the successor again.
    used_by_client = models.CharField(_("digest of the client"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("refresh token")
        verbose_name_plural = _("refresh tokens")
        constraints: ClassVar[list[Any]] = [
            CheckConstraint(
                condition=Q(jti_digest__regex="^[0-9a-f]{64}$"),
                name="refresh_token_is_kept_as_a_digest",
            ),
            CheckConstraint(
                condition=Q(used_at__isnull=True, used_by_client="")
                | Q(used_at__isnull=False) & ~Q(used_by_client=""),
                name="refresh_token_used_by_and_at",
            ),
            CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at")),
                name="refresh_token_expires_after_it_was_issued",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SignInCounter(models.Model):
    """How many sign-ins failed lately for one account name or from one address.

    `key` is a keyed digest: neither names nor addresses can be read from the table, and a name
    that no account has is counted like any other. Not a record: it carries no history.
    """

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    in_flight = models.PositiveIntegerField(_("being tried"), default=0)
    window_started_at = models.DateTimeField(_("counted since"))
    touched_at = models.DateTimeField(_("last tried"))

    class Meta:
        verbose_name = _("sign-in counter")
        verbose_name_plural = _("sign-in counters")
        indexes: ClassVar[list[Index]] = [Index("touched_at", name="sign_in_counter_by_age")]

    def __str__(self) -> str:
        return self.key


class SignInRefusal(models.Model):
    """Refused sign-ins of one account from one address in the window that runs.

    Not a record: when the window ends the trail is told and the row goes.
    """

    key = models.CharField(max_length=200, primary_key=True)
    # No foreign key: what is kept of a refusal does not hold an account.
    account_id: "models.UUIDField[UUID | None, UUID | None]" = models.UUIDField(
        _("account"), null=True
    )
    detail = models.JSONField(_("detail"), default=dict)
    count = models.PositiveIntegerField(_("count"))
    window_started_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("refused sign-in")
        verbose_name_plural = _("refused sign-ins")
        indexes: ClassVar[list[Index]] = [Index("window_started_at", name="sign_in_refusal_by_age")]

    def __str__(self) -> str:
        return self.key


class RightsChange(models.Model):
    """A note of whose rights or sessions changed, written by triggers, committed with the change.

    It matters only for as long as anybody keeps a verdict about these people. A note without
    people, of a version before this one, may be about anybody.
    """

    id = models.BigAutoField(primary_key=True)
    noted_at = models.DateTimeField(_("noted"))
    people = ArrayField(models.UUIDField(), verbose_name=_("people"), null=True, editable=False)

    class Meta:
        verbose_name = _("change of rights")
        verbose_name_plural = _("changes of rights")

    def __str__(self) -> str:
        return str(self.pk)
