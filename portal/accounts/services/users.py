"""Accounts: made, given a password, deactivated. Whatever takes a right away ends the sessions."""

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from portal.accounts.models import EndReason, User, UserKind
from portal.accounts.services.acts import Act, Told, tell
from portal.accounts.services.sessions import end_all_sessions
from portal.core.errors import FieldError, InvalidInput, RuleBroken
from portal.core.history import acting


class UsernameTaken(RuleBroken):
    """There is an account of that name; names are never given twice."""

    code = "username_taken"


def create_user(
    *,
    username: str,
    display_name: str = "",
    email: str = "",
    organization: str = "",
    language: str = "en",
    kind: UserKind = UserKind.PERSON,
    is_staff: bool = False,
    password: str | None = None,
    password_hash: str | None = None,
    by: User,
    at: datetime,
    reason: str,
) -> User:
    """Make an account; without `password` or `password_hash` nobody can sign in with it.

    `password_hash` is for many accounts that are made at once: hashing is slow on purpose.
    Source: 21 CFR 11.300(a) (no two people share a name, no name is given twice).
    Raises: UsernameTaken, InvalidInput.
    """
    user = User(
        username=User.normalize_username(username).strip(),
        display_name=display_name,
        email=User.objects.normalize_email(email),
        organization=organization,
        language=language,
        kind=kind,
        is_staff=is_staff,
        created_at=at,
    )
    if password is not None:
        _check_password(password, user)
    user.password = password_hash or make_password(password)
    _check(user)
    with acting(by=by, at=at, reason=reason):
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError as error:
            if "username_is_unique" not in str(error):
                raise
            raise UsernameTaken() from None
    return user


def set_password(*, user: User, password: str, by: User, at: datetime, reason: str) -> User:
    """Give `user` another password; every session of theirs ends.

    Locks: the user's row and the rows of the open sessions. Raises: InvalidInput.
    """
    _check_password(password, user)
    hashed = make_password(password)
    with acting(by=by, at=at, reason=reason):
        User.objects.filter(pk=user.pk).update(password=hashed)
        tell(Told(Act.PASSWORD_CHANGED, by=by, at=at, resource="user", record_id=user.pk))
        end_all_sessions(user=user, why=EndReason.PASSWORD_CHANGED, by=by, at=at)
    return _reread(user)


def deactivate_user(*, user: User, by: User, at: datetime, reason: str) -> User:
    """Let `user` in no more; sessions and tokens stop with the commit. The account stays.

    Locks: the user's row and the rows of the open sessions.
    """
    return _change(user, {"is_active": False}, EndReason.DEACTIVATED, by=by, at=at, reason=reason)


def reactivate_user(*, user: User, by: User, at: datetime, reason: str) -> User:
    """Let `user` sign in again; what was ended stays ended. Locks: the user's row."""
    return _change(user, {"is_active": True}, None, by=by, at=at, reason=reason)


def record_changed_roles(
    *, user: User, opens_admin: bool, by: User, at: datetime, reason: str
) -> User:
    """End the sessions of somebody whose roles were changed, and open or close the admin to them.

    Called by whoever changes assignments, in the same transaction.
    Locks: the user's row and the rows of the open sessions.
    """
    changes = {"is_staff": opens_admin}
    return _change(user, changes, EndReason.ROLES_CHANGED, by=by, at=at, reason=reason)


def change_user(*, user: User, by: User, at: datetime, reason: str, **changes: str) -> User:
    """Change how an account is shown and reached: display_name, email, organization, language.

    Locks: the user's row. Raises: InvalidInput.
    """
    unknown = changes.keys() - {"display_name", "email", "organization", "language"}
    if unknown:
        raise InvalidInput("These cannot be changed: %(names)s.", names=", ".join(sorted(unknown)))
    for name, value in changes.items():
        setattr(user, name, value)
    _check(user)
    return _change(user, changes, None, by=by, at=at, reason=reason)


def _change(
    user: User,
    changes: dict[str, Any],
    ends: EndReason | None,
    *,
    by: User,
    at: datetime,
    reason: str,
) -> User:
    with acting(by=by, at=at, reason=reason):
        User.objects.filter(pk=user.pk).update(**changes)
        if ends:
            end_all_sessions(user=user, why=ends, by=by, at=at)
    return _reread(user)


def _reread(user: User) -> User:
    user.refresh_from_db()
    user.__dict__.pop("_scopes", None)
    return user


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            "The password is too weak.",
            errors=[
                FieldError("/password", each.code or "invalid", " ".join(each.messages))
                for each in error.error_list
            ],
        ) from None


def _check(user: User) -> None:
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise InvalidInput(
            errors=[
                FieldError(f"/{field}", each.code or "invalid", " ".join(each.messages))
                for field, found in error.error_dict.items()
                for each in found
            ]
        ) from None
