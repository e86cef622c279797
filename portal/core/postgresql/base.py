"""The database backend: one pool for ordinary requests, another for those that must not wait."""

from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base

from portal.core.urgency import is_urgent

_RESERVED_ALIAS = "reserved"


class DatabaseWrapper(base.DatabaseWrapper):
    """Draws a connection from the pool of those who ask; it goes back where it came from."""

    @property
    def pool(self) -> Any:
        """Return the pool of the work at hand, None where a process keeps its own connection."""
        ordinary = super().pool
        if ordinary is None or self.alias != DEFAULT_DB_ALIAS or not is_urgent():
            return ordinary
        reserved = {**self.settings_dict, **settings.SAFETY_DATABASE}
        return DatabaseWrapper(reserved, _RESERVED_ALIAS).pool
