"""Kinds of reports. An app offers its own in its module `report_kinds`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from portal.access.permissions import Permission
from portal.access.scoping import scopes
from portal.accounts.models import User
from portal.api.fields import StrictSerializer
from portal.core.errors import InvalidInput

if TYPE_CHECKING:
    from portal.documents.work import Work


class UnknownKind(InvalidInput):
    """There is no such kind of report."""

    code = "unknown_report_kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKind:
    """A kind of report: who may ask for it, with what, and how it is made.

    `form` is the shape of its parameters. `make` does the work; it may be run again from its
    beginning whenever the process that ran it ended. `reads` are the permissions whose scope the
    file holds: whoever lost a part of it since may not fetch the file. `steps` are the words for
    its steps.
    """

    code: str
    title: Promise | str
    permission: Permission
    form: type[StrictSerializer]
    make: Callable[["Work"], None]
    steps: Mapping[str, Promise | str]
    reads: frozenset[Permission] = frozenset()


_KINDS: dict[str, ReportKind] = {}


def offer(kind: ReportKind) -> ReportKind:
    """Register a kind of report."""
    _KINDS[kind.code] = kind
    return kind


def kinds() -> list[ReportKind]:
    """Return every kind that is offered."""
    return [kind for _code, kind in sorted(_KINDS.items())]


def find_kind(code: str) -> ReportKind:
    """Return the kind of that code. Raises: UnknownKind."""
    try:
        return _KINDS[code]
    except KeyError:
        raise UnknownKind() from None


def reading(user: User, kind: ReportKind) -> dict[str, list[Any]]:
    """Return where `user` may read now what the file of such a report holds."""
    return {
        permission.value: [
            held.everywhere,
            *(sorted(map(str, ids)) for ids in (held.trials, held.sites, held.patients)),
        ]
        for permission, held in sorted(scopes(user).items())
        if permission in kind.reads or permission is kind.permission
    }


def still_reads(now: dict[str, list[Any]], then: dict[str, list[Any]]) -> bool:
    """Whether everything that could be read `then` can be read now."""
    for name, (everywhere, *places) in then.items():
        held = now.get(name)
        if held is None or (everywhere and not held[0]):
            return False
        if not held[0] and any(
            not set(before) <= set(after) for before, after in zip(places, held[1:], strict=True)
        ):
            return False
    return True
