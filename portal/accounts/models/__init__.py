"""Accounts: who can sign in, the service accounts that cannot, and their sessions."""

from portal.accounts.models.session import (
    EndReason,
    RefreshToken,
    RightsChange,
    Session,
    SessionKind,
    SignInCounter,
    SignInRefusal,
)
from portal.accounts.models.user import User, UserKind

__all__ = [
    "EndReason",
    "RefreshToken",
    "RightsChange",
    "Session",
    "SessionKind",
    "SignInCounter",
    "SignInRefusal",
    "User",
    "UserKind",
]
