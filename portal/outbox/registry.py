"""Who reacts to what. Handlers stand in `<app>/handlers.py` and are loaded at start-up."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from portal.outbox.kinds import FIRST_VERSION, Kind
from portal.outbox.message import Message

One = Callable[[Message], None]
Many = Callable[[Sequence[Message]], None]
# What was given up, and why: in the transaction that buries it.
GaveUp = Callable[[Sequence[Message], str], None]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class Handler:
    """A reaction: its name in the rows, what it reads, and whether it keeps the order of a key."""

    name: str
    kinds: frozenset[Kind]
    versions: frozenset[int]
    is_ordered: bool
    run: Many
    gave_up: GaveUp | None = None

    def reads(self, kind: str, version: int) -> bool:
        """Tell whether it knows such a message."""
        return kind in self.kinds and version in self.versions


HANDLERS: dict[str, Handler] = {}


def handles(*kinds: Kind, versions: Collection[int] = (FIRST_VERSION,)) -> Callable[[One], One]:
    """Register a handler of single messages, oldest first for each ordering key."""

    def decorate(function: One) -> One:
        def run(messages: Sequence[Message]) -> None:
            for message in messages:
                function(message)

        _register(function, run, kinds, versions, is_ordered=True)
        return function

    return decorate


def handles_many(
    *kinds: Kind,
    versions: Collection[int] = (FIRST_VERSION,),
    gave_up: GaveUp | None = None,
) -> Callable[[Many], Many]:
    """Register a handler of chunks of up to a hundred messages, in no order.

    When it raises, everything it did is undone and the chunk is run again one by one, so that a
    poisoned message fails alone. `gave_up` is told of what nobody tries any more, whatever ended
    it: too many failures, or a process that died of it.
    """

    def decorate(function: Many) -> Many:
        _register(function, function, kinds, versions, is_ordered=False, gave_up=gave_up)
        return function

    return decorate


def handlers_of(kind: Kind) -> tuple[Handler, ...]:
    """Return who reacts to a kind, by name."""
    return tuple(h for _name, h in sorted(HANDLERS.items()) if kind in h.kinds)


def _register(
    function: Callable[..., None],
    run: Many,
    kinds: Collection[Kind],
    versions: Collection[int],
    *,
    is_ordered: bool,
    gave_up: GaveUp | None = None,
) -> None:
    name = f"{function.__module__}.{function.__qualname__}"
    if not _NAME.fullmatch(name):
        raise TypeError(f"{name}: a handler is a function of a module")
    if not kinds:
        raise TypeError(f"{name}: a handler names the kinds it handles")
    HANDLERS[name] = Handler(name, frozenset(kinds), frozenset(versions), is_ordered, run, gave_up)
