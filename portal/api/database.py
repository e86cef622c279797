"""What a database error means to the one who asked."""

from collections.abc import Mapping

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.utils.translation import gettext as _

from portal.api.problems import Problem
from portal.core.errors import FieldError

# Raised by declared_context() (portal.core.migrations.0001).
_NOBODY_ACTS = "PA001"
_NO_REASON = "PA002"
# Source: PostgreSQL, appendix A. Away, read-only, conflicting, full, locked, cancelled, shut down.
_TRANSIENT_CLASSES = ("08", "40", "53", "57", "58")
_TRANSIENT = frozenset({"25006", "25P03", "55P03", "XX000", _NOBODY_ACTS})
_BROKEN_RULES: Mapping[str, str] = {
    "23505": "already_exists",
    "23503": "still_referred_to",
    "23P01": "overlap",
}


# A statement after the one that failed: the failure itself is further up.
_AFTERMATH = "25P02"


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of a database error, empty where the server sent none."""
    cause = error.__cause__ or error
    return str(getattr(cause, "sqlstate", None) or "")


def is_transient(state: str) -> bool:
    """Whether a SQLSTATE says that the same may work shortly."""
    return state in _TRANSIENT or state.startswith(_TRANSIENT_CLASSES)


def first_failure(error: BaseException) -> BaseException:
    """Return the error that made the transaction fail, if `error` only stumbled over it."""
    seen = {id(error)}
    found = error
    while sqlstate(found) == _AFTERMATH:
        before = found.__context__
        if before is None or id(before) in seen:
            break
        seen.add(id(before))
        found = before
    return found if isinstance(found, DatabaseError | InterfaceError) else error


def problem_of(error: DatabaseError | InterfaceError) -> Problem | None:
    """Return what to answer, None where the error can only be a mistake of ours."""
    error = first_failure(error)  # type: ignore[assignment]
    state = sqlstate(error)
    if state == _NO_REASON:
        return Problem(
            400,
            "change_reason_required",
            _("Say why: send X-Change-Reason or change_reason."),
            (FieldError("/change_reason", "required", _("A reason is required.")),),
        )
    if is_transient(state):
        return Problem(503)
    if isinstance(error, DataError) or state.startswith("22"):
        return Problem(400, "invalid", _("A value cannot be stored."))
    if isinstance(error, IntegrityError) or state.startswith("23"):
        return Problem(409, _BROKEN_RULES.get(state, "rule_broken"))
    if isinstance(error, OperationalError | InterfaceError) and not state:
        return Problem(503)
    return None
