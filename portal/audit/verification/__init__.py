"""Recompute every seal and say which row, seal or guard is not as it was."""

from portal.audit.verification.report import Finding, Report
from portal.audit.verification.run import verify

__all__ = ["Finding", "Report", "verify"]
