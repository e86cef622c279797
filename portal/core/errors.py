"""The categories of refusal. Status codes belong to the edge (portal.api.errors)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.utils.translation import gettext


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused part of an input; `pointer` is a JSON pointer into the body.

    `values` are what the detail names in the way of %(name)s.
    """

    pointer: str
    code: str
    detail: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self) -> str:
        """Return what is said in the language of whoever reads it now."""
        said = gettext(self.detail) if self.detail else ""
        return said % self.values if self.values else said


class DomainError(Exception):
    """Something was refused. The docstring of each subclass is its default message.

    What differs from one refusal to the next comes as `values`, which the message names in the way
    of %(name)s, so that there is one sentence to translate.
    """

    code: ClassVar[str] = "refused"

    def __init__(
        self, detail: str | None = None, *, errors: Sequence[FieldError] = (), **values: object
    ) -> None:
        self.message = detail or " ".join((type(self).__doc__ or "").split())
        self.values = values
        self.errors = tuple(errors)
        super().__init__(self.detail)

    @property
    def detail(self) -> str:
        """What is said, as it is written here."""
        return self.message % self.values if self.values else self.message

    def told(self) -> str:
        """Return what is said in the language of whoever reads it now."""
        if not self.message:
            return ""
        said = gettext(self.message)
        return said % self.values if self.values else said

    def told_parts(self) -> tuple[FieldError, ...]:
        """Return the refused parts likewise: one that says no more than its name says the whole."""
        return tuple(replace(part, detail=self._said_of(part)) for part in self.errors)

    def _said_of(self, part: FieldError) -> str:
        is_named_only = not part.detail or part.detail.isidentifier()
        if is_named_only:
            return self.told() if part.code == self.code else part.detail
        return part.told()


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
