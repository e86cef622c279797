"""The categories of refusal. Status codes belong to the edge (portal.api.errors)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused part of an input; `pointer` is a JSON pointer into the body."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Something was refused. The docstring of each subclass is its default message."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.errors = tuple(errors)
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """The input is not valid."""

    code = "invalid"


class RuleBroken(DomainError):
    """A rule does not allow this."""

    code = "rule_broken"


class NotFound(DomainError):
    """There is no such record."""

    code = "not_found"


class NotPermitted(DomainError):
    """You may see this but not do that."""

    code = "forbidden"


class Stale(DomainError):
    """The record has changed since you read it; read it again and repeat your change."""

    code = "stale"


class VersionMissing(DomainError):
    """Send If-Match with the version that you read."""

    code = "if_match_required"


class Unavailable(DomainError):
    """The portal cannot do this at the moment; try again shortly."""

    code = "unavailable"


class NotAuthenticated(DomainError):
    """Sign in first."""

    code = "token_missing"
