"""Django's PostgreSQL, with connections kept back for what must not wait (ADR 0013)."""
