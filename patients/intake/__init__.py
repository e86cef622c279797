"""The upload path: served before Django, written in groups, answered after the commit (P1)."""
