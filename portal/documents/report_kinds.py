"""The kinds of reports that belong to no app above."""

from portal.documents import audit_export

__all__ = ["audit_export"]
