"""The start-up check: no kind without a handler, unless it is known to have none."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from portal.outbox.kinds import WITHOUT_HANDLER, Kind
from portal.outbox.registry import handlers_of


@register("portal")
def every_kind_has_a_handler(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Name the kinds that would be published to nobody."""
    return [
        Error(
            f"Nothing handles {kind.value}.",
            hint="Write @handles or @handles_many in <app>/handlers.py, or list the kind in "
            "portal.outbox.kinds.WITHOUT_HANDLER.",
            id="portal.E020",
        )
        for kind in Kind
        if kind not in WITHOUT_HANDLER and not handlers_of(kind)
    ]
