"""The one door to the protected schema."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql


@contextmanager
def unblinded() -> Iterator[None]:
    """Let the transaction's statements reach the protected schema until the block ends.

    The application's role cannot read or write allocation; it may take on the role that can, for
    the length of this block only (ADR 0004). The caller has checked `allocation:view` or acts for
    an import.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        row = cursor.fetchone()
        before = row[0] if row else settings.APPLICATION_ROLE
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(settings.UNBLINDED_ROLE)))
        yield
        # After an error the rollback gives the role back; asking here would hide the error.
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(before)))
