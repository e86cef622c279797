"""The desk's lists of what the protocol says, where it runs and who works on it."""

from trials.admin import duty, people, plan, trials

__all__ = ["duty", "people", "plan", "trials"]
