"""Found by autodiscovery: the admin of the kernel apps, one file each."""

from portal.desk import accounts, audit, live, outbox

__all__ = ["accounts", "audit", "live", "outbox"]
