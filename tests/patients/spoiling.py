"""Rows that no program of ours would write, and that nobody can read."""

from uuid import UUID

from django.db import connection

from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT


def spoil(table: str, column: str, record: UUID, value: str = "infinity") -> None:
    """Store a value that the database takes and Python does not: no time is infinite."""
    with acting(by=SYSTEM_ACCOUNT, reason="spoiled"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, record])
