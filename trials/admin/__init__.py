"""The desk's lists of what the protocol says, where it runs and who works on it."""

from trials.admin import people, plan, trials

__all__ = ["people", "plan", "trials"]
