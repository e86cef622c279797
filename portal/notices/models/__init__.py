"""Notices, what became of them, whom they wait for, and how people want to be told."""

from portal.notices.models.escalation import Escalation, EscalationStep, WatcherHeartbeat
from portal.notices.models.notice import Notice, NoticeCounter
from portal.notices.models.people import Absence, Preference
from portal.notices.models.push import PushSubscription
from portal.notices.models.sending import Dispatch, NoticeSending

__all__ = [
    "Absence",
    "Dispatch",
    "Escalation",
    "EscalationStep",
    "Notice",
    "NoticeCounter",
    "NoticeSending",
    "Preference",
    "PushSubscription",
    "WatcherHeartbeat",
]
