"""Everything that changes accounts and sessions, and the check that every request passes."""
