"""Guards about transactions."""

from django.db import connection
from django.db.transaction import Atomic


class NoTransaction(RuntimeError):
    """This must run inside an application transaction."""


def require_transaction() -> None:
    """Raise unless an application transaction is open; a test case's own does not count.

    Raises: NoTransaction.
    """
    blocks: list[Atomic] = getattr(connection, "atomic_blocks", [])
    own = [block for block in blocks if not getattr(block, "_from_testcase", False)]
    if not connection.in_atomic_block or not own:
        raise NoTransaction(NoTransaction.__doc__)
